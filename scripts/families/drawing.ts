import sharp from "sharp";
import type { Grid } from "../../src/core/grid.ts";
import type { Picture, Rectangle } from "../../src/core/resample.ts";
import { COLOURS, SERIES } from "../../src/view/drawing/palette.ts";
import { element } from "../../src/view/svg.ts";

/** Width of every drawing, in pixels of the page. */
export const WIDTH = 800;
/** White space at the edges and between panels. */
export const MARGIN = 20;

export const INK = COLOURS.ink;
const GREY = COLOURS.quiet;
/** Kept tokens' colour in the picture of a run; here the token that gathers, and its reach. */
export const COLLECTOR = COLOURS.collector;
export const OFFICIAL = COLOURS.pruned;
export const SEPARATOR = SERIES.purple;
/** What is no part of the picture or is cut off. */
export const REMOVED = SERIES.purple;
/** Behind the name of a separator: {@link SEPARATOR}, much lighter. */
export const PALE_SEPARATOR = "#f5e4ed";

/** A whole drawing on white, so that it can be read on a dark page, too. */
export function drawing(
  height: number,
  title: string,
  pictures: readonly string[],
  content: readonly string[],
): string {
  const size = { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` };
  const space = { xmlns: "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink" };
  const hatch = element(
    "pattern",
    { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    element("path", { d: "M 0 0 V 6", stroke: REMOVED, "stroke-width": 2.5 }),
  );
  const parts = [
    element("title", {}, title),
    element("defs", {}, hatch + pictures.join("")),
    element("rect", { width: WIDTH, height, fill: "#fff" }),
    text(MARGIN, 30, title, { size: 18, bold: true }),
    ...content,
  ];
  const fonts = { "font-family": "Helvetica, Arial, sans-serif", fill: INK };
  return `${element("svg", { ...space, ...size, ...fonts }, `\n${parts.join("\n")}\n`)}\n`;
}

/** How a text is set. */
interface TextStyle {
  readonly size?: number;
  readonly bold?: boolean;
  readonly anchor?: "start" | "middle" | "end";
  readonly fill?: string;
}

/** One line of text, its baseline at y. */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 13, bold = false, anchor = "start", fill = INK } = style;
  return element(
    "text",
    { x, y, "font-size": size, "text-anchor": anchor, fill, ...(bold ? { "font-weight": "bold" } : {}) },
    content,
  );
}

/** The title of a panel and a line below it that says what is to be seen; the picture begins 34 pixels below y. */
export function heading(x: number, y: number, title: string, line: string): string {
  return text(x, y + 8, title, { size: 14, bold: true }) + text(x, y + 25, line, { size: 12, fill: GREY });
}

/** How far below its y a panel's picture begins. */
export const HEADING = 34;

/** A picture to be placed any number of times, as JPEG. */
export async function embedded(id: string, { width, height, pixels }: Picture, quality = 72): Promise<string> {
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  const href = `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  return element("image", { id, width, height, preserveAspectRatio: "none", "xlink:href": href });
}

/** A part of an embedded picture, stretched to a frame. */
export function placed(id: string, frame: Rectangle, part: Rectangle): string {
  const viewBox = `${part.left} ${part.top} ${part.width} ${part.height}`;
  const at = { x: frame.left, y: frame.top, width: frame.width, height: frame.height };
  return element("svg", { ...at, viewBox, preserveAspectRatio: "none" }, element("use", { "xlink:href": `#${id}` }));
}

/** How lines are drawn. */
export interface Stroke {
  readonly colour: string;
  readonly width: number;
  readonly opacity?: number;
  readonly dash?: string;
}

/** Lines between the cells of a grid, every `step` cells, and around it. */
export function gridLines(frame: Rectangle, { rows, columns }: Grid, step: number, stroke: Stroke): string {
  const { left, top, width, height } = frame;
  const lines: string[] = [];
  for (let column = 0; column < columns; column += step)
    lines.push(`M${rounded(left + (width * column) / columns)} ${rounded(top)}v${rounded(height)}`);
  for (let row = 0; row < rows; row += step)
    lines.push(`M${rounded(left)} ${rounded(top + (height * row) / rows)}h${rounded(width)}`);
  lines.push(`M${rounded(left + width)} ${rounded(top)}v${rounded(height)}h${rounded(-width)}`);
  return element("path", { d: lines.join(""), fill: "none", ...written(stroke) });
}

/** The rectangle of some cells of a grid. */
export function cellsIn(frame: Rectangle, { rows, columns }: Grid, cells: Rectangle): Rectangle {
  const [across, down] = [frame.width / columns, frame.height / rows];
  return {
    left: frame.left + cells.left * across,
    top: frame.top + cells.top * down,
    width: cells.width * across,
    height: cells.height * down,
  };
}

export function box({ left, top, width, height }: Rectangle, fill: string, stroke?: Stroke, opacity = 1): string {
  return element("rect", {
    x: rounded(left),
    y: rounded(top),
    width: rounded(width),
    height: rounded(height),
    fill,
    "fill-opacity": opacity,
    ...(stroke ? written(stroke) : {}),
  });
}

/** A circle, clipped to a frame, with a dark line below so that it is seen on any photograph. */
export function circle(id: string, frame: Rectangle, x: number, y: number, radius: number, stroke: Stroke): string {
  const clip = element("clipPath", { id }, box(frame, "#000"));
  const at = { cx: rounded(x), cy: rounded(y), r: rounded(radius), fill: "none" };
  const below = { ...at, ...written({ ...stroke, colour: INK, width: stroke.width + 2.5, dash: undefined }) };
  const line = { ...at, ...written(stroke) };
  return clip + element("g", { "clip-path": `url(#${id})` }, element("circle", below) + element("circle", line));
}

/** One of the boxes that stand for rows of the prompt. */
export interface IdBox {
  /** Undefined: rows that are left out. */
  readonly id?: string;
  readonly kind: "text" | "visual" | "separator";
}

const FILLS = { text: "#e6e6e6", visual: "#d9eaf4", separator: PALE_SEPARATOR } as const;

/** Boxes with position ids, one after the other. */
export function idRow(left: number, top: number, boxes: readonly IdBox[], width = 40): string {
  let x = left;
  return boxes
    .map(({ id, kind }) => {
      const own = id === undefined ? 24 : width;
      const at = { left: x, top, width: own, height: 24 };
      x += own + 3;
      const label = text(at.left + own / 2, top + 17, id ?? "…", { size: 13, anchor: "middle" });
      return (id === undefined ? "" : box(at, FILLS[kind], { colour: "#999", width: 0.8 })) + label;
    })
    .join("");
}

function written({ colour, width, opacity, dash }: Stroke): Record<string, string | number> {
  return {
    stroke: colour,
    "stroke-width": width,
    ...(opacity === undefined ? {} : { "stroke-opacity": opacity }),
    ...(dash === undefined ? {} : { "stroke-dasharray": dash }),
  };
}

function rounded(x: number): number {
  return Math.round(x * 100) / 100;
}
