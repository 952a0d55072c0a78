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
  ["decode per token", (costs) => costs.decode],
];

/** Prints the figures of one model size on one backend. */
export function printReport(report: ShapeReport): void {
  const { unpruned, pruned, parameters, runs } = report;
  console.log(`\n${report.backend}, ${report.shape}: ${report.description}`);
  console.log(`(tower ${millions(parameters.vision)}, LLM ${millions(parameters.text)} parameters)\n`);
  const header = ["unpruned", "pruned", "ratio"];
  console.log(line("", `median of ${runs}`.padStart(28), "fastest".padStart(28)));
  console.log(line("milliseconds", cells(header), cells(header)));
  for (const [name, cost] of ROWS) {
    const halves = (["median", "fastest"] as const).map((which) => {
      const [before, after] = [cost(unpruned[which]), cost(pruned[which])];
      const ratio = before > 0 ? `${(before / after).toFixed(2)}x` : "";
      return cells([before.toFixed(2), after.toFixed(2), ratio]);
    });
    console.log(line(name, ...halves));
  }
  const { median } = pruned;
  console.log(
    `\nstage 1 + stage 2: ${percent((median["stage 1"] + median["stage 2"]) / median.pass)} of the pruned pass`,
  );
  console.log(
    `vision tower: ${report.visionRate.toFixed(1)} GFLOP/s, ${percent(report.visionRate / report.bestRate)} of ` +
      `the best 2-D product (${report.bestRate.toFixed(1)} GFLOP/s)`,
  );
}

function line(name: string, ...halves: string[]): string {
  return [name.padEnd(17), ...halves].join("  ").trimEnd();
}

function cells([unpruned, pruned, ratio]: string[]): string {
  return unpruned.padStart(10) + pruned.padStart(10) + ratio.padStart(8);
}

function millions(count: number): string {
  return `${(count / 1e6).toFixed(1)} M`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
