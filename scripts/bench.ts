import { availableParallelism, loadavg } from "node:os";
import { Command, Option } from "commander";
import { useBackend } from "../src/backend/select.ts";
import { parseCount } from "../src/cli/options.ts";
import { NuwaError } from "../src/core/errors.ts";
import { writeAtomically } from "../src/io/files.ts";
import { benchmarkShape, type ShapeReport } from "./bench/report.ts";
import { SHAPES } from "./bench/shapes.ts";
import { printReport } from "./bench/table.ts";
import { benchmarkWide, printWide, WIDE_SHAPES, type WideReport } from "./bench/wide.ts";

/**
 * The benchmark: what the parts of a run cost, pruned and unpruned, on every backend that is installed.
 * It measures, it does not judge: times depend on the machine and on what else runs there.
 */
const BACKENDS = ["wasm", "tensorflow"];
const SHAPE_NAMES = SHAPES.map(({ name }) => name);
const WIDE_NAMES = WIDE_SHAPES.map(({ name }) => name);

interface Options {
  readonly backend: string[];
  readonly shape: string[];
  readonly runs: number;
  readonly json?: string;
}

function readOptions(): Options {
  return new Command("bench")
    .description("Times the parts of a run, pruned (Nüwa, official, average 1/9) and unpruned, with random weights.")
    .addOption(new Option("--backend <names...>", "backends to measure").choices(BACKENDS).default(BACKENDS))
    .addOption(
      new Option("--shape <names...>", "model sizes to measure")
        .choices([...SHAPE_NAMES, ...WIDE_NAMES])
        .default(SHAPE_NAMES),
    )
    .option("--runs <count>", "runs after the warm-up", parseCount, 5)
    .option("--json <file>", "write the figures to a file too")
    .parse()
    .opts<Options>();
}

async function bench({ backend: backends, shape, runs, json }: Options): Promise<void> {
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0].toFixed(1)}, Node ${process.version}`);
  const reports: (ShapeReport | WideReport)[] = [];
  for (const backend of backends) {
    const missing = await useBackend(backend).then(() => undefined, messageOf);
    if (missing) {
      console.log(`\n${backend}: skipped, ${missing}`);
      continue;
    }
    for (const size of SHAPES.filter(({ name }) => shape.includes(name))) {
      const report = await benchmarkShape(backend, size, runs);
      printReport(report);
      reports.push(report);
    }
    for (const size of WIDE_SHAPES.filter(({ name }) => shape.includes(name))) {
      const report = await benchmarkWide(backend, size, runs);
      printWide(report);
      reports.push(report);
    }
  }
  if (json) writeAtomically(json, `${JSON.stringify(reports, null, 2)}\n`);
}

/** The line of an error that the user can correct; any other is a bug and is thrown again. */
function messageOf(error: unknown): string {
  if (error instanceof NuwaError) return error.message;
  throw error;
}

try {
  await bench(readOptions());
} catch (error) {
  console.error(`bench: ${messageOf(error)}`);
  process.exitCode = (error as NuwaError).exitCode;
}
