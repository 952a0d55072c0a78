import { Command, Option } from "commander";
import { useBackend } from "../src/backend/select.ts";
import { parseCount } from "../src/cli/options.ts";
import { writeAtomically } from "../src/data/files.ts";
import { NuwaError } from "../src/errors.ts";
import { benchmarkShape, type ShapeReport } from "./bench/report.ts";
import { SHAPES } from "./bench/shapes.ts";
import { printReport } from "./bench/table.ts";

/**
 * The benchmark: what the parts of a run cost, pruned and unpruned, on every backend that is installed.
 * It measures, it does not judge: times depend on the machine.
 */
const BACKENDS = ["wasm", "tensorflow"];

interface Options {
  readonly backend: string[];
  readonly shape: string[];
  readonly runs: number;
  readonly json?: string;
}

const options = new Command("bench")
  .description("Times the parts of a run, pruned (Nüwa, official, average 1/9) and unpruned, with random weights.")
  .addOption(new Option("--backend <names...>", "backends to measure").choices(BACKENDS).default(BACKENDS))
  .addOption(
    new Option("--shape <names...>", "model sizes to measure")
      .choices(SHAPES.map(({ name }) => name))
      .default(SHAPES.map(({ name }) => name)),
  )
  .option("--runs <count>", "runs after the warm-up; figures are medians", parseCount, 5)
  .option("--json <file>", "write the figures to a file too")
  .parse()
  .opts<Options>();

const reports: ShapeReport[] = [];
try {
  for (const backend of options.backend) {
    const skipped = await useBackend(backend).then(() => undefined, reasonOf);
    if (skipped) console.log(`\n${backend}: skipped, ${skipped}`);
    else {
      for (const shape of SHAPES.filter(({ name }) => options.shape.includes(name))) {
        const report = await benchmarkShape(backend, shape, options.runs);
        printReport(report);
        reports.push(report);
      }
    }
  }
  if (options.json) writeAtomically(options.json, `${JSON.stringify(reports, null, 2)}\n`);
} catch (error) {
  console.error(`bench: ${reasonOf(error)}`);
  process.exitCode = 1;
}

function reasonOf(error: unknown): string {
  if (error instanceof NuwaError) return error.message;
  throw error;
}
