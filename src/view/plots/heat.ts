import * as Plot from "@observablehq/plot";
import { shortNumber } from "../drawing/legend.ts";
import { textWidth } from "../drawing/text.ts";
import { element, escaped } from "../svg.ts";
import type { Panel } from "./panel.ts";

/** A table of values drawn as colours, with a scale beside it. */
export interface HeatOptions {
  /** What each column and row is; a row or column whose label is empty has none. */
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** Row by row; NaN is drawn as an empty cell. */
  readonly values: readonly (readonly number[])[];
  /** Written into the cells. */
  readonly words?: readonly (readonly string[])[];
  /** What the colours mean, with the unit. */
  readonly unit: string;
  /** Values on both sides of zero, which is white; else from the least to the largest. */
  readonly signed?: boolean;
  /** Colours by logarithms of positive values; what is 1000 times less than the largest, or more, is darkest. */
  readonly logarithmic?: boolean;
  /** Of a cell, in pixels. */
  readonly cell: { readonly width: number; readonly height: number };
}

const FONT = 12;
const SCALE_STEPS = 40;
/** The largest value of a logarithmic scale by its least. */
const RANGE = 1000;
const SCALE = { top: 34, width: 200, height: 12 };

/** Cells coloured by their values, the scale of the colours below them. */
export function heat(title: string, options: HeatOptions): Panel {
  const { columns, rows, values, words, unit, signed = false, logarithmic = false, cell } = options;
  const known = values.flat().filter(Number.isFinite);
  const most = known.reduce((most, value) => Math.max(most, signed ? Math.abs(value) : value), 0) || 1;
  const least = signed ? -most : logarithmic ? most / RANGE : Math.min(0, ...known);
  const type = logarithmic ? "log" : "linear";
  const scheme = signed ? "PuOr" : "cividis";
  const colour = Plot.scale({ color: { type, scheme, domain: [least, most], clamp: true } });
  const widest = (names: readonly string[]) => Math.max(0, ...names.map((name) => textWidth(name, FONT)));
  const left = widest(rows) + 8;
  const longest = widest(columns);
  // Labels that do not fit above their columns are turned.
  const turned = longest > cell.width;
  const top = longest === 0 ? 0 : turned ? longest + 6 : FONT + 6;
  const [width, height] = [columns.length * cell.width, rows.length * cell.height];
  const cells = values.flatMap((row, y) =>
    row.map((value, x) => {
      const place = { x: left + x * cell.width, y: top + y * cell.height };
      const fill = Number.isFinite(value) ? colour.apply(value) : "#e9e9e9";
      const word = words?.[y][x] ?? "";
      return (
        element("rect", { ...place, width: cell.width, height: cell.height, fill, stroke: "#fff" }) +
        (word === "" ? "" : inCell(word, place, cell, readableOn(fill)))
      );
    }),
  );
  const names = [
    ...rows.map((name, y) => {
      const place = { x: left - 6, y: top + (y + 0.5) * cell.height + 4, "text-anchor": "end" };
      return element("text", place, escaped(name));
    }),
    ...columns.map((name, x) => {
      const at = left + (x + 0.5) * cell.width;
      const turn = `translate(${at + 4},${top - 4}) rotate(-90)`;
      return turned
        ? element("text", { transform: turn }, escaped(name))
        : element("text", { x: at, y: top - 5, "text-anchor": "middle" }, escaped(name));
    }),
  ];
  const valueAt = (share: number) => (logarithmic ? least * (most / least) ** share : least + (most - least) * share);
  const scale = scaleOf(colour, valueAt, unit);
  const placed = element("g", { transform: `translate(${left},${top + height + 8})` }, scale);
  const size = {
    width: left + Math.max(width, SCALE.width + 10 + textWidth(unit, FONT)),
    height: top + height + SCALE.top,
  };
  return { title, ...size, svg: element("g", { "font-size": FONT }, cells.join("") + names.join("") + placed) };
}

function inCell(word: string, { x, y }: { x: number; y: number }, cell: HeatOptions["cell"], fill: string): string {
  const fits = Math.max(1, Math.floor((cell.width - 2) / (0.55 * FONT)));
  const cut = [...word].length > fits ? `${[...word].slice(0, fits - 1).join("")}…` : word;
  const place = { x: x + cell.width / 2, y: y + cell.height / 2 + 4, "text-anchor": "middle", fill, "font-size": 10 };
  return element("text", place, escaped(cut));
}

/** Black or white, by the relative luminance of the ground (WCAG 2.2). */
function readableOn(colour: string): string {
  const levels = colour.startsWith("#")
    ? [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
    : (colour.match(/\d+/g) ?? []).map(Number);
  const [red, green, blue] = levels.map((level) => (level / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3 ? "#000" : "#fff";
}

/** @param valueAt the value at a share of the scale's length */
function scaleOf(colour: Plot.Scale, valueAt: (share: number) => number, unit: string): string {
  const step = SCALE.width / SCALE_STEPS;
  const steps = Array.from({ length: SCALE_STEPS }, (_, i) => {
    const fill = colour.apply(valueAt((i + 0.5) / SCALE_STEPS));
    return element("rect", { x: i * step, y: 0, width: step + 0.5, height: SCALE.height, fill });
  });
  const below = { y: SCALE.height + 13 };
  return (
    steps.join("") +
    element("text", { x: 0, ...below }, shortNumber(valueAt(0))) +
    element("text", { x: SCALE.width, ...below, "text-anchor": "end" }, shortNumber(valueAt(1))) +
    element("text", { x: SCALE.width + 10, y: SCALE.height - 1 }, escaped(unit))
  );
}
