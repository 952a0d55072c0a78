import { element, escaped } from "../svg.ts";
import { COLOURS } from "./palette.ts";
import { type Block, FONT, moved, paragraph, stacked } from "./text.ts";

/** Sizes of a drawing, in its own units, with margins between its panels and around them. */
export const GAP = 16;
export const WIDTH = 640;
/** Two panels stand beside each other unless said otherwise. */
export const PANEL = panelWidth(2);

/** The width of a panel where so many stand in a row. */
export function panelWidth(columns: number): number {
  return (WIDTH - (columns + 1) * GAP) / columns;
}

/** A panel of a narrow picture is less wide, so that it is not taller than this. */
export const TALLEST = 592;

/** One of the pictures of a drawing. */
export interface Panel {
  readonly title: string;
  /** What is drawn, and below it what explains it. */
  readonly body: Block;
  readonly notes: readonly Block[];
}

/** Panels in rows; the pictures of a row begin at one height, below the longest of their titles. */
export function panelRows(panels: readonly Panel[], columns = 2): Block {
  const width = panelWidth(columns);
  const style = columns <= 2 ? { size: FONT.text, bold: true } : { size: FONT.small };
  const rows: Block[] = [];
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    const titles = row.map(({ title }) => paragraph(title, { width, ...style, lines: 3 }));
    const top = Math.max(...titles.map(({ height }) => height)) + 6;
    const bodies = row.map(({ body, notes }) => stacked([body, ...notes], 8));
    rows.push({
      svg: row.map((_, i) => moved(titles[i].svg + moved(bodies[i].svg, 0, top), i * (width + GAP), 0)).join(""),
      height: top + Math.max(...bodies.map(({ height }) => height)),
    });
  }
  return stacked(rows, GAP + 8);
}

/**
 * A whole drawing as an SVG document, on white.
 *
 * @param title read out in place of the drawing
 */
export function drawingOf(title: string, definitions: readonly string[], content: Block, width = WIDTH): string {
  const height = Math.ceil(content.height + 2 * GAP);
  const root = { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` };
  return element(
    "svg",
    { ...root, role: "img", "font-family": "Helvetica, Arial, 'DejaVu Sans', sans-serif" },
    `\n${[
      element("title", {}, escaped(title)),
      element("defs", {}, definitions.join("")),
      element("rect", { width, height, fill: COLOURS.paper }),
      moved(content.svg, GAP, GAP),
    ].join("\n")}\n`,
  );
}
