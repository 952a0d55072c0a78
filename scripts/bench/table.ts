import type { Costs } from "./measure.ts";
import type { ShapeReport } from "./report.ts";

const ROWS: readonly (readonly [string, (costs: Costs) => number])[] = [
  ["vision tower", (costs) => costs["vision tower"]],
  ["stage 1", (costs) => costs["stage 1"]],
  ["projector", (costs) => costs.projector],
  ["prefill", (costs) => costs.prefill],
  ["stage 2", (costs) => costs["stage 2"]],
  ["ledger", (costs) => costs.ledger],
  ["whole pass", (costs) => costs.pass],
  ["prefill + stage 2", (costs) => costs.prefill + costs["stage 2"]],
  ["decode per token", (costs) => costs.decode],
];

/** Prints the figures of one model size on one backend. */
export function printReport(report: ShapeReport): void {
  const { parameters } = report;
  const [unpruned, pruned] = [report.unpruned.median, report.pruned.median];
  const millions = (count: number) => `${(count / 1e6).toFixed(1)} M parameters`;
  console.log(`\n${report.backend}, ${report.shape}: ${report.description}`);
  console.log(
    `(tower ${millions(parameters.vision)}, LLM ${millions(parameters.text)}; medians of ${report.runs} runs)\n`,
  );
  console.log(line("milliseconds", "unpruned", "pruned", "ratio"));
  for (const [name, cost] of ROWS) {
    const ratio = cost(pruned) > 0 && cost(unpruned) > 0 ? `${(cost(unpruned) / cost(pruned)).toFixed(2)}x` : "";
    console.log(line(name, cost(unpruned).toFixed(2), cost(pruned).toFixed(2), ratio));
  }
  const share = (pruned["stage 1"] + pruned["stage 2"]) / pruned.pass;
  console.log(`\nstage 1 + stage 2: ${percent(share)} of the pruned pass`);
  console.log(
    `vision tower: ${report.visionRate.toFixed(1)} GFLOP/s, ${percent(report.visionRate / report.bestRate)} of the best 2-D product (${report.bestRate.toFixed(1)} GFLOP/s)`,
  );
}

function line(name: string, ...figures: string[]): string {
  return name.padEnd(20) + figures.map((figure) => figure.padStart(11)).join("");
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
