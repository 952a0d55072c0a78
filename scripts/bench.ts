import { availableParallelism, loadavg } from "node:os";
import { Command, Option } from "commander";
import { useBackend } from "../src/backend/select.ts";
import { parseCount } from "../src/cli/options.ts";
import { NuwaError, UsageError } from "../src/core/errors.ts";
import { writeAtomically } from "../src/io/files.ts";
import { compareWithTransformers, printAgainst } from "./bench/against.ts";
import { profileShape } from "./bench/profile.ts";
import { compareLoading, printLoading } from "./bench/reading.ts";
import { benchmarkShape } from "./bench/report.ts";
import { LARGE, SHAPES } from "./bench/shapes.ts";
import { printProfile, printReport } from "./bench/table.ts";
import { benchmarkWide, printWide, WIDE_SHAPES } from "./bench/wide.ts";

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
  readonly profile?: true;
  readonly against?: string;
  readonly load?: string;
}

function readOptions(): Options {
  return new Command("bench")
    .description("Times the parts of a run, pruned (Nüwa, official, average 1/9) and unpruned, with random weights.")
    .addOption(new Option("--backend <names...>", "backends to measure").choices(BACKENDS).default(BACKENDS))
    .addOption(
      new Option("--shape <names...>", "model sizes to measure")
        .choices([...SHAPE_NAMES, LARGE.name, ...WIDE_NAMES])
        .default(SHAPE_NAMES),
    )
    .option("--runs <count>", "runs after the warm-up", parseCount, 5)
    .option("--json <file>", "write the figures to a file too")
    .addOption(
      new Option("--profile", "show which ops take the time of each part, instead").conflicts(["against", "load"]),
    )
    .addOption(
      new Option("--against <python>", "take turns with transformers in this python, instead").conflicts("load"),
    )
    .option("--load <folder>", "time loading this checkpoint, instead")
    .parse()
    .opts<Options>();
}

async function bench(options: Options): Promise<void> {
  const { backend: backends, json } = options;
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0].toFixed(1)}, Node ${process.version}`);
  const reports: object[] = [];
  for (const backend of backends) {
    const missing = await useBackend(backend).then(() => undefined, messageOf);
    if (missing) {
      console.log(`\n${backend}: skipped, ${missing}`);
      continue;
    }
    reports.push(...(await benchBackend(backend, options)));
  }
  if (json) writeAtomically(json, `${JSON.stringify(reports, null, 2)}\n`);
}

/** Measures on the current backend and prints as it goes. */
async function benchBackend(
  backend: string,
  { shape: names, runs, profile, against, load }: Options,
): Promise<object[]> {
  if (load) {
    const report = compareLoading(backend, load, runs);
    printLoading(report);
    return [report];
  }
  const reports: object[] = [];
  for (const shape of [...SHAPES, LARGE].filter(({ name }) => names.includes(name))) {
    if (profile) {
      const report = await profileShape(backend, shape, runs);
      printProfile(report);
      reports.push(report);
    } else if (against) {
      const report = await compareWithTransformers(backend, shape, runs, against);
      printAgainst(report);
      reports.push(report);
    } else {
      const report = await benchmarkShape(backend, shape, runs);
      printReport(report);
      reports.push(report);
    }
  }
  for (const size of WIDE_SHAPES.filter(({ name }) => names.includes(name))) {
    if (profile || against) throw new UsageError(`--shape ${size.name} has neither a profile nor a counterpart.`);
    const report = await benchmarkWide(backend, size, runs);
    printWide(report);
    reports.push(report);
  }
  return reports;
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
