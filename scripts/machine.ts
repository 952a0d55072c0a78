import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { nvidiaGpus } from "../src/backend/native/gpu.ts";
import { nativeReport } from "../src/backend/native/report.ts";
import { webgpuReport } from "../src/backend/webgpu/report.ts";
import { VERSION } from "../src/cli/about.ts";
import { parseCount } from "../src/cli/options.ts";
import { NuwaError } from "../src/core/errors.ts";
import { writeAtomically } from "../src/io/files.ts";
import { makeTemporary, removeTemporary } from "../src/io/leftovers.ts";
import { SHAPES } from "./bench/shapes.ts";
import { agreementCommand, agreementSummary } from "./machine/agreement.ts";
import { commitOf } from "./machine/origin.ts";

/**
 * All that there is to know of a machine, in one command and one file of JSON: what it is and which versions are on it,
 * parity with PyTorch's values, agreement of the backends, the benchmark, and the times of a checkpoint.
 *
 *     npm run machine [-- --json FILE] [-- --model FOLDER | -- --random 7b]
 *
 * Each step is a process of its own: one that fails, or is killed for its memory, leaves the figures of the others.
 * The file is written after every step.
 */
const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const STEPS = ["parity", "agreement", "bench", "checkpoint"] as const;
type Step = (typeof STEPS)[number];

interface Options {
  readonly json: string;
  readonly backend: string;
  readonly shape: readonly string[];
  readonly runs: number;
  readonly model?: string;
  readonly random?: string;
  readonly steps: readonly Step[];
}

/** How a step ended. */
interface Outcome {
  /** null where it was killed. */
  readonly exitCode: number | null;
  readonly seconds: number;
  /** What it found; undefined where it ended before. */
  readonly result?: unknown;
}

const SHAPE_NAMES = SHAPES.map(({ name }) => name);
const options = new Command("machine")
  .description("Parity, agreement, benchmark and the times of a checkpoint on this machine, as one file of JSON.")
  .option("--json <file>", "where the figures go", "machine.json")
  .addOption(new Option("--backend <name>", "backend").choices(["tensorflow", "wasm"]).default("tensorflow"))
  .addOption(new Option("--shape <names...>", "model sizes of the benchmark").choices(SHAPE_NAMES).default(SHAPE_NAMES))
  .option("--runs <count>", "runs after the warm-up", parseCount, 5)
  .option("--model <folder>", "checkpoint of LLaVA's layout to time too")
  .addOption(
    new Option("--random <shape>", "time a checkpoint of random weights too, made for it: 7b (14 GB) or 1b (2.8 GB)")
      .choices(["7b", "1b"])
      .conflicts("model"),
  )
  .addOption(new Option("--steps <names...>", "what is done").choices([...STEPS]).default([...STEPS]))
  .parse()
  .opts<Options>();

try {
  await describeMachine(options);
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`machine: ${error.message}`);
  process.exitCode = error.exitCode;
}

async function describeMachine({ random, ...options }: Options): Promise<void> {
  if (random === undefined || !options.steps.includes("checkpoint")) return describeWith(options);
  const folder = makeTemporary("machine");
  try {
    console.log(`\n── a checkpoint of random weights (${random})`);
    const made = await runStep(() => scriptArguments("make-random-checkpoint.ts", folder, "--shape", random));
    if (made.exitCode !== 0) throw new NuwaError("the checkpoint of random weights was not made; its line is above.");
    await describeWith({ ...options, model: folder });
  } finally {
    removeTemporary(folder);
  }
}

async function describeWith({ json, backend, shape, runs, model, steps }: Options): Promise<void> {
  const native = await nativeReport();
  if (backend === "tensorflow" && !native.usable) throw new NuwaError(native.lines[0]);
  const report: Record<string, unknown> = { machine: machine(native.lines), backend, usesGpu: native.usesGpu };
  const save = () => writeAtomically(resolve(json), `${JSON.stringify(report, null, 2)}\n`);
  for (const line of native.lines) console.log(line);
  save();
  const commands: Record<Step, ((file: string) => string[]) | undefined> = {
    parity: (file) => scriptArguments("bundle/check.ts", "--backend", backend, "--json", file),
    agreement: (file) => agreementCommand(PROJECT, file),
    bench: (file) =>
      scriptArguments("bench.ts", "--backend", backend, "--shape", ...shape, "--runs", String(runs), "--json", file),
    checkpoint: model
      ? (file) =>
          scriptArguments(
            "machine/checkpoint.ts",
            "--model",
            resolve(model),
            "--backend",
            backend,
            "--runs",
            `${runs}`,
            "--json",
            file,
          )
      : undefined,
  };
  const failed: Step[] = [];
  for (const step of STEPS.filter((name) => steps.includes(name))) {
    const command = commands[step];
    if (!command) continue;
    console.log(`\n── ${step}`);
    const outcome = await runStep(command);
    report[step] = step === "agreement" ? { ...outcome, result: agreementSummary(outcome.result) } : outcome;
    if (outcome.exitCode !== 0) failed.push(step);
    save();
  }
  console.log(`\n${resolve(json)}: ${failed.length ? `not right: ${failed.join(", ")}` : "everything is right"}`);
  if (failed.length) throw new NuwaError(`${failed.join(", ")} failed; what they wrote is above and in ${json}.`);
}

/** What Node is called with for a script of the project. */
function scriptArguments(name: string, ...args: string[]): string[] {
  return ["--import", "tsx", join(PROJECT, "scripts", name), ...args];
}

/** What the figures depend on. */
function machine(native: readonly string[]) {
  return {
    date: new Date().toISOString(),
    nuwa: { version: VERSION, commit: commitOf(PROJECT) },
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    loadAverage: loadavg()[0],
    gpus: nvidiaGpus(),
    tensorflow: native,
    webgpu: webgpuReport().lines,
  };
}

/** Runs a step in a process of its own, with its output on the terminal. */
async function runStep(command: (file: string) => string[]): Promise<Outcome> {
  const folder = makeTemporary("machine");
  const file = join(folder, "result.json");
  const since = performance.now();
  try {
    const child = spawn(process.execPath, command(file), { cwd: PROJECT, stdio: ["ignore", "inherit", "inherit"] });
    const exitCode = await new Promise<number | null>((done) => {
      child.on("close", done);
    });
    const result = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    return { exitCode, seconds: (performance.now() - since) / 1000, result };
  } finally {
    removeTemporary(folder);
  }
}
