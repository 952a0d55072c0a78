import * as Plot from "@observablehq/plot";
import { SERIES } from "../drawing/palette.ts";
import { DASHES, type Panel, PLOT_WIDTH, plotted } from "./panel.ts";

/** Values over layers, blocks or states, counted from 0. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** What a plot of lines shows besides its lines. */
export interface LinesOptions {
  /** What is counted along x: "decoder layer". */
  readonly x: string;
  /** What is measured, with its unit. */
  readonly y: string;
  /** Values that the lines are compared with: the largest possible, chance. */
  readonly references?: readonly { readonly name: string; readonly value: number }[];
  /** y in powers of ten. */
  readonly logarithmic?: boolean;
}

const HEIGHT = 240;

/** Lines with a dot for each layer. */
export function lines(title: string, series: readonly Series[], options: LinesOptions): Panel {
  const { references = [], logarithmic = false, x, y } = options;
  const colours = Object.values(SERIES);
  const legend = [
    ...series.map(({ name }, i) => ({ name, colour: colours[i % colours.length], dash: DASHES[i % DASHES.length] })),
    ...references.map(({ name }) => ({ name, colour: "#1b1b1b", dash: "3 3" })),
  ];
  const count = Math.max(...series.map(({ values }) => values.length));
  const svg = plotted({
    height: HEIGHT,
    marginLeft: 56,
    marginBottom: 40,
    x: { label: x, ticks: integerTicks(count), tickFormat: "d" },
    y: { label: y, grid: true, ...(logarithmic ? { type: "log" } : { zero: true, nice: true }) },
    marks: [
      ...references.map(({ value }) => Plot.ruleY([value], { stroke: "#1b1b1b", strokeDasharray: "3 3" })),
      ...series.flatMap(({ values }, i) => {
        const points = values.map((value, layer) => ({ layer, value }));
        const { colour, dash } = legend[i];
        return [
          Plot.line(points, { x: "layer", y: "value", stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
          Plot.dot(points, { x: "layer", y: "value", fill: colour, r: 2.5 }),
        ];
      }),
    ],
  });
  return { title, legend: legend.length > 1 ? legend : [], width: PLOT_WIDTH, height: HEIGHT, svg };
}

/** Some 12 whole numbers from 0 to before a count. */
export function integerTicks(count: number): number[] {
  const step = Math.ceil(count / 12);
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}
