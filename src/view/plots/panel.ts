import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { printable } from "../../core/errors.ts";
import { textWidth } from "../drawing/text.ts";
import { element, escaped } from "../svg.ts";

/** A plot with a title above it, and what its marks mean. */
export interface Panel {
  readonly title: string;
  /** One entry for each kind of mark; none unless given. */
  readonly legend?: readonly LegendEntry[];
  readonly width: number;
  readonly height: number;
  /** The plot, an SVG element of this size. */
  readonly svg: string;
}

/** What a line or an area is. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
  /** Of a line, as in SVG's stroke-dasharray; a filled square unless given. */
  readonly dash?: string;
}

/** Lines of one plot differ in their dashes, too: for print in grey. */
export const DASHES = ["none", "7 3", "2 3", "9 3 2 3"] as const;

/** Width of a plot, in pixels. */
export const PLOT_WIDTH = 640;
const MARGIN = 16;
const TITLE = 26;
const LEGEND = 20;
const FONT = 13;

/** A plot of the library as an SVG element. */
export function plotted(options: Plot.PlotOptions & { readonly height: number }): string {
  const { document } = parseHTML("<html><body></body></html>");
  const plot = Plot.plot({ width: PLOT_WIDTH, style: { fontSize: `${FONT}px` }, ...options, document });
  // The library writes texts as they are; XML has no control characters.
  return printable(plot.outerHTML);
}

/** Panels below each other as one SVG document on white. */
export function stacked(panels: readonly Panel[]): string {
  let top = MARGIN;
  const drawn: string[] = [];
  for (const { title, legend = [], height, svg } of panels) {
    drawn.push(element("text", { x: MARGIN, y: top + 14, "font-weight": "bold" }, escaped(title)));
    top += TITLE;
    if (legend.length > 0) {
      drawn.push(element("g", { transform: `translate(${MARGIN},${top})` }, legendRow(legend)));
      top += LEGEND;
    }
    drawn.push(element("svg", { x: MARGIN, y: top }, svg));
    top += height + MARGIN;
  }
  const width = Math.max(...panels.map((panel) => panel.width)) + 2 * MARGIN;
  const whole = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${top}`,
    ...{ width, height: top },
    "font-family": "sans-serif",
    "font-size": FONT,
    fill: "#1b1b1b",
  };
  return `${element("svg", whole, element("rect", { width, height: top, fill: "#fff" }) + drawn.join(""))}\n`;
}

function legendRow(entries: readonly LegendEntry[]): string {
  let left = 0;
  return entries
    .map(({ name, colour, dash }) => {
      const sample =
        dash === undefined
          ? element("rect", { x: left, y: 0, width: 12, height: 12, fill: colour })
          : element("line", {
              ...{ x1: left, x2: left + 26, y1: 6, y2: 6 },
              ...{ stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash },
            });
      const start = left + (dash === undefined ? 17 : 31);
      left = start + textWidth(name, FONT) + 14;
      return sample + element("text", { x: start, y: 11 }, escaped(name));
    })
    .join("");
}
