import type { Costs } from "./measure.ts";
import { peakText } from "./peak.ts";
import type { ProfileReport, StageProfile } from "./profile.ts";
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
  const { bytes, milliseconds, way } = report.reading;
  console.log(
    `unpruned decoding per token: ${(unpruned.fastest.decode / milliseconds).toFixed(2)} x of reading the decoder's ` +
      `weights once (${(bytes / 1e6).toFixed(1)} MB in ${milliseconds.toFixed(2)} ms by ${way}; both fastest)`,
  );
  for (const [name, peak] of Object.entries(report.peak)) if (peak) console.log(`${name}: ${peakText(peak)}`);
}

/** Ops that are listed of a stage. */
const LISTED = 14;

/** Prints where the time of each stage goes. */
export function printProfile({ backend, shape, description, unpruned, pruned }: ProfileReport): void {
  for (const [method, stages] of Object.entries({ unpruned, pruned })) {
    console.log(`\n${backend}, ${shape}, ${method}: ${description}; the fastest run of each part`);
    printStages(stages);
  }
}

function printStages(stages: readonly StageProfile[]): void {
  for (const { stage, milliseconds, ops, outside, times } of stages) {
    const share = (part: number) => percent(part / milliseconds).padStart(8);
    console.log(`\n${stage}: ${milliseconds.toFixed(2)} ms, ${ops} ops`);
    for (const { kernel, shapes, count, milliseconds: own } of times.slice(0, LISTED))
      console.log(`  ${share(own)} ${own.toFixed(2).padStart(9)} ms ${`${count}`.padStart(5)} × ${kernel} ${shapes}`);
    const others = times.slice(LISTED);
    const rest = others.reduce((sum, op) => sum + op.milliseconds, 0);
    const calls = others.reduce((sum, op) => sum + op.count, 0);
    if (calls > 0)
      console.log(`  ${share(rest)} ${rest.toFixed(2).padStart(9)} ms ${`${calls}`.padStart(5)} × other ops`);
    console.log(`  ${share(outside)} ${outside.toFixed(2).padStart(9)} ms between the ops`);
  }
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
