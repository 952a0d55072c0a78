import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { UNPRUNED } from "../eval/run/catalogue.ts";
import { type Sample, settingKey } from "../eval/run/sample.ts";
import type { SummaryRow } from "../eval/score/summary.ts";
import { reportedName, reportedRows } from "../eval/score/summary-table.ts";
import { COLOURS } from "./drawing/palette.ts";
import { textWidth, wrapped } from "./drawing/text.ts";
import { element } from "./svg.ts";

/** A line of a plot: one setting's figure. */
interface Line {
  readonly task: string;
  /** Words above the interval, at the left and at the right. */
  readonly name: string;
  readonly figures: string;
  readonly isUnpruned: boolean;
  readonly tokens: number;
  readonly score: number;
  readonly low: number;
  readonly high: number;
}

/** Sizes in pixels: letters are large, so that they can be read on a phone, which shows 360 pixels. */
const [WIDTH, ROW, FONT] = [640, 52, 17];
const MARGIN = { marginTop: 62, marginBottom: 16, marginLeft: 24, marginRight: 24 };

/**
 * Draws the reported figure of every task with its 95 % interval, a line for each setting, so that intervals never
 * overlap. Settings with more visual tokens entering a decoder layer stand higher; the unpruned score is
 * dashed beside each.
 *
 * @returns an SVG document, one plot below the other
 */
export function scoresSvg(rows: readonly SummaryRow[], samples: readonly Sample[]): string {
  const { document } = parseHTML("<html><body></body></html>");
  const tokens = meanTokens(samples);
  const lines = reportedRows(rows).map((row): Line => {
    const { score, low, high, method, variant, positions } = row;
    const own = tokens.get(settingKey(row)) as number;
    const setting = [method, ...(variant ? [variant] : []), positions].join(", ");
    const figures = `${shown(score)} [${shown(low)}, ${shown(high)}]`;
    // Methods of one's own may have long names.
    const room = WIDTH - MARGIN.marginLeft - MARGIN.marginRight - textWidth(figures, FONT) - 14;
    const style = { width: room, size: FONT, lines: 1 };
    const [name] = wrapped(`${Number(own.toPrecision(3))} tokens: ${setting}`, style);
    return {
      ...{ task: reportedName(row), isUnpruned: method === UNPRUNED, tokens: own, score, low, high },
      ...{ name, figures },
    };
  });
  let height = 0;
  const nested = [...new Set(lines.map(({ task }) => task))].map((task) => {
    // Lines keep their order where they have as many tokens; two of one name differ in what was asked for.
    const own = lines.filter((line) => line.task === task).sort((a, b) => b.tokens - a.tokens);
    const plot = plotOf(document, task, own);
    plot.setAttribute("y", String(height));
    height += Number(plot.getAttribute("height")) + ROW / 2;
    return plot.outerHTML;
  });
  const whole = {
    ...{ xmlns: "http://www.w3.org/2000/svg", width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` },
    ...{ "font-family": "Helvetica, Arial, 'DejaVu Sans', sans-serif" },
  };
  // A renderer of SVG alone knows no background of a style.
  const ground = element("rect", { width: WIDTH, height, fill: COLOURS.paper });
  return `${element("svg", whole, ground + nested.join(""))}\n`;
}

function plotOf(document: Document, task: string, lines: readonly Line[]): Element {
  // Numbers instead of names: names need not differ.
  const row = (_: Line, i: number) => i;
  const words = { y: row, dy: -13, fontSize: FONT, fill: COLOURS.ink };
  const unpruned = lines.filter(({ isUnpruned }) => isUnpruned);
  // In the lower half of a row: the upper one is the words'.
  const besides = { y: row, insetTop: 26, insetBottom: 2 };
  const ends = { y: row, dy: 11, insetTop: 20, insetBottom: 20, stroke: COLOURS.bar, strokeWidth: 2 };
  const dashed = { stroke: COLOURS.pruned, strokeWidth: 1.5, strokeDasharray: "5 3" };
  const label = `${task}, 95 % intervals${unpruned.length > 0 ? "; dashed: unpruned" : ""}`;
  return Plot.plot({
    document,
    ...{ width: WIDTH, height: MARGIN.marginTop + MARGIN.marginBottom + ROW * lines.length, ...MARGIN },
    style: { fontSize: `${FONT - 2}px` },
    x: { axis: "top", label, labelAnchor: "left", labelArrow: "none", nice: true },
    y: { type: "band", axis: null, domain: lines.map((_, i) => i) },
    marks: [
      Plot.ruleX([0]),
      ...unpruned.map(({ score }) => Plot.tickX(lines, { ...besides, x: () => score, ...dashed })),
      Plot.ruleY(lines, { y: row, x1: "low", x2: "high", dy: 11, stroke: COLOURS.bar, strokeWidth: 3 }),
      ...["low", "high"].map((x) => Plot.tickX(lines, { ...ends, x })),
      Plot.dot(lines, { y: row, x: "score", dy: 11, r: 5, fill: COLOURS.ink }),
      Plot.text(lines, { ...words, text: "name", frameAnchor: "left", dx: 6 }),
      Plot.text(lines, { ...words, text: "figures", frameAnchor: "right", textAnchor: "end" }),
    ],
  });
}

/** Two decimals, or none of points that are counted. */
function shown(value: number): string {
  return value > 10 ? value.toFixed(0) : value.toFixed(2);
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
