import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Sample, settingKey } from "../eval/run/sample.ts";
import type { SummaryRow } from "../eval/score/summary.ts";
import { reportedName, reportedRows } from "../eval/score/summary-table.ts";
import { element } from "./svg.ts";

/** A point of a plot: one setting's figure over the visual tokens that it used. */
interface Point {
  readonly task: string;
  readonly name: string;
  readonly tokens: number;
  readonly score: number;
  readonly low: number;
  readonly high: number;
}

/** Size of one task's plot, in pixels; the legend needs a line a setting. */
const [WIDTH, HEIGHT] = [700, 320];

/**
 * Draws the reported figure of every task over the average number of visual tokens entering a decoder layer, with
 * 95 % intervals; settings that differ in the average alone are one line. The unpruned score is dashed.
 *
 * @returns an SVG document, one plot below the other
 */
export function scoresSvg(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const { document } = parseHTML("<html><body></body></html>");
  const tokens = meanTokens(samples);
  const points = reportedRows(rows).map((row): Point => {
    const { score, low, high, method, variant, positions } = row;
    const task = reportedName(row);
    const name = [method, ...(variant ? [variant] : []), positions].join(", ");
    return { task, name, tokens: tokens.get(settingKey(row)) as number, score, low, high };
  });
  const names = [...new Set(points.map(({ name }) => name))];
  const plots = [...new Set(points.map(({ task }) => task))].map((task) => {
    const own = points.filter((point) => point.task === task);
    return Plot.plot({
      document,
      ...{ width: WIDTH, height: HEIGHT, marginRight: 190, marginLeft: 50 },
      x: { label: "visual tokens entering a layer", nice: true, zero: true },
      y: { label: task, grid: true, nice: true, domain: [0, Math.max(...own.map(({ high }) => high)) || 1] },
      color: { domain: names, scheme: "Tableau10" },
      marks: [
        Plot.ruleY(
          own.filter(({ name }) => name.startsWith("none")),
          { y: "score", strokeDasharray: "4 3" },
        ),
        Plot.line(own, { x: "tokens", y: "score", z: "name", stroke: "name", sort: "tokens" }),
        Plot.ruleX(own, { x: "tokens", y1: "low", y2: "high", stroke: "name" }),
        Plot.dot(own, { x: "tokens", y: "score", fill: "name" }),
        ...names.map((name, line) =>
          Plot.text([name], { frameAnchor: "top-right", textAnchor: "start", dx: 10, dy: 14 * line, fill: [name] }),
        ),
      ],
    });
  });
  const nested = plots.map((plot, row) => {
    plot.setAttribute("y", String(row * HEIGHT));
    return plot.outerHTML;
  });
  const whole = {
    xmlns: "http://www.w3.org/2000/svg",
    width: WIDTH,
    height: HEIGHT * plots.length,
    style: "background: white",
    "font-family": "sans-serif",
  };
  return `${element("svg", whole, nested.join(""))}\n`;
}

/** Visual tokens entering a layer, averaged over the answers of each setting. */
function meanTokens(samples: readonly Sample[]): Map<string, number> {
  const sums = new Map<string, [sum: number, count: number]>();
  for (const sample of samples) {
    const [sum, count] = sums.get(settingKey(sample)) ?? [0, 0];
    sums.set(settingKey(sample), [sum + sample.tokensEntering, count + 1]);
  }
  return new Map([...sums].map(([key, [sum, count]]) => [key, sum / count]));
}
