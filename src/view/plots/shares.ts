import * as Plot from "@observablehq/plot";
import { integerTicks } from "./lines.ts";
import { type LegendEntry, type Panel, PLOT_WIDTH, plotted } from "./panel.ts";

const HEIGHT = 190;

/**
 * Bars, one a layer, each divided into parts.
 *
 * @param parts for each layer the size of each part, in the order of the legend
 */
export function shares(
  title: string,
  parts: readonly (readonly number[])[],
  legend: readonly LegendEntry[],
  axes: { readonly x: string; readonly y: string },
): Panel {
  const bars = parts.flatMap((sizes, layer) => sizes.map((size, i) => ({ layer, size, name: legend[i].name })));
  const svg = plotted({
    height: HEIGHT,
    marginLeft: 56,
    marginBottom: 40,
    x: { label: axes.x, type: "band", ticks: integerTicks(parts.length), padding: 0.15 },
    y: { label: axes.y, grid: true },
    color: { domain: legend.map(({ name }) => name), range: legend.map(({ colour }) => colour) },
    marks: [
      // A white edge keeps parts apart where colours look alike.
      Plot.barY(bars, { x: "layer", y: "size", fill: "name", order: legend.map(({ name }) => name), stroke: "white" }),
      Plot.ruleY([0]),
    ],
  });
  return { title, legend, width: PLOT_WIDTH, height: HEIGHT, svg };
}
