import { element, escaped } from "../svg.ts";
import { COLOURS } from "./palette.ts";
import { type Block, FONT, moved, paragraph, stacked } from "./text.ts";

/** Sizes of a drawing, in its own units: two panels beside each other, with margins between and around them. */
export const PANEL = 296;
export const GAP = 16;
export const WIDTH = 2 * PANEL + 3 * GAP;
/** A panel of a narrow picture is less wide, so that it is not taller than this. */
export const TALLEST = 592;

/** One of the pictures of a drawing. */
export interface Panel {
  readonly title: string;
  /** What is drawn, and below it what explains it. */
  readonly body: Block;
  readonly notes: readonly Block[];
}

/** Panels two by two; the pictures of a row begin at one height, below the longer of their titles. */
export function panelRows(panels: readonly Panel[]): Block {
  const rows: Block[] = [];
  for (let first = 0; first < panels.length; first += 2) {
    const pair = panels.slice(first, first + 2);
    const titles = pair.map(({ title }) => paragraph(title, { width: PANEL, size: FONT.text, bold: true, lines: 3 }));
    const top = Math.max(...titles.map(({ height }) => height)) + 6;
    const bodies = pair.map(({ body, notes }) => stacked([body, ...notes], 8));
    rows.push({
      svg: pair.map((_, i) => moved(titles[i].svg + moved(bodies[i].svg, 0, top), i * (PANEL + GAP), 0)).join(""),
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
export function drawingOf(title: string, definitions: readonly string[], content: Block): string {
  const height = Math.ceil(content.height + 2 * GAP);
  const root = { xmlns: "http://www.w3.org/2000/svg", width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` };
  return element(
    "svg",
    { ...root, role: "img", "font-family": "Helvetica, Arial, 'DejaVu Sans', sans-serif" },
    `\n${[
      element("title", {}, escaped(title)),
      element("defs", {}, definitions.join("")),
      element("rect", { width: WIDTH, height, fill: COLOURS.paper }),
      moved(content.svg, GAP, GAP),
    ].join("\n")}\n`,
  );
}
