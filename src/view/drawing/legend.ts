import { element } from "../svg.ts";
import { COLOURS, heat } from "./palette.ts";
import { type Block, FONT, label, moved, stacked, textWidth, wrapped } from "./text.ts";

/** A line of a legend: a symbol of at most {@link SYMBOL} units a side, and what it means. */
export interface LegendEntry {
  /** Drawn around its own middle. */
  readonly symbol: string;
  readonly text: string;
}

/** Side of the place of a symbol. */
export const SYMBOL = 30;
const LINE = 24;

/** Entries beside each other where they fit, else one below the other. */
export function legend(entries: readonly LegendEntry[], width: number): Block {
  let [x, y] = [0, 0];
  let height = 0;
  const drawn = entries.map(({ symbol, text }) => {
    const lines = wrapped(text, { width: width - SYMBOL - 6, size: FONT.small, lines: 4 });
    const wide = SYMBOL + 6 + Math.max(...lines.map((line) => textWidth(line, FONT.small))) + 14;
    if (x > 0 && x + wide > width + 14) [x, y] = [0, height];
    const words = lines.map((line, i) => label(line, SYMBOL + 6, i * LINE + 18, { size: FONT.small }));
    const svg = moved(moved(symbol, SYMBOL / 2, LINE / 2) + words.join(""), x, y);
    x += wide;
    height = Math.max(height, y + lines.length * LINE);
    return svg;
  });
  return { svg: drawn.join(""), height };
}

/**
 * The scale of a heat map: its colours from the least to the largest value, with both written under it.
 *
 * @param id of the gradient, unique in the document
 * @param middle written between the two
 */
export function heatScale(id: string, least: number, largest: number, width: number, middle = ""): Block {
  const stops = [0, 0.25, 0.5, 0.75, 1].map((at) => element("stop", { offset: at, "stop-color": heat(at) }));
  const gradient = element("defs", {}, element("linearGradient", { id }, stops.join("")));
  const bar = element("rect", {
    ...{ width, height: 14, fill: `url(#${id})` },
    ...{ stroke: COLOURS.quiet, "stroke-width": 1 },
  });
  const numbers =
    label(shortNumber(least), 0, 16, { size: FONT.small }) +
    (middle === "" ? "" : label(middle, width / 2, 16, { size: FONT.small, anchor: "middle" })) +
    label(shortNumber(largest), width, 16, { size: FONT.small, anchor: "end" });
  return stacked(
    [
      { svg: gradient + bar, height: 14 },
      { svg: numbers, height: 22 },
    ],
    2,
  );
}

/** Three digits: "0.123", "1.2e-5". */
export function shortNumber(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}
