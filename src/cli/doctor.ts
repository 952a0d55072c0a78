import { cpus, totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import sharp from "sharp";
import { nativeReport } from "../backend/native/report.ts";
import { useBackend } from "../backend/select.ts";
import { webgpuReport } from "../backend/webgpu/report.ts";
import { NuwaError, UsageError } from "../core/errors.ts";
import { loadModel, openModel } from "../io/load.ts";
import { loadTokenizer } from "../io/tokenizer.ts";
import { disposeModel } from "../model/vlm.ts";
import { SHIPPED_MODEL, VERSION } from "./about.ts";
import { useBackendFor } from "./backend.ts";
import { modelFacts } from "./doctor-model.ts";
import { runFacts } from "./doctor-time.ts";
import { addMemoryOption, type MemoryOption } from "./memory.ts";
import { backendOption, requireText } from "./options.ts";
import { say } from "./say.ts";

/**
 * `nuwa doctor`: versions, what each backend can do here, what is missing and the remedy. With `--model`, what a
 * checkpoint is, which fields of its files are honoured, and how it would run here.
 */
export function addDoctor(program: Command): void {
  addMemoryOption(program.command("doctor"))
    .description("say what is installed, which backend will be used, and what is missing")
    .option(
      "--model <folder>",
      "say instead what a checkpoint is, which fields of its files are honoured, what of it fits into memory and " +
        "about how long a question takes",
    )
    .addOption(backendOption())
    .action((options: DoctorOptions) => (options.model === undefined ? doctor(options) : describeModel(options)));
}

interface DoctorOptions extends MemoryOption {
  readonly model?: string;
  readonly backend?: string;
}

async function describeModel({ model: directory = "", backend, ...options }: DoctorOptions): Promise<void> {
  const opened = openModel(requireText("--model", directory));
  for (const [label, text] of modelFacts(opened)) say(label, text);
  const used = await useBackendFor(opened, backend);
  say("backend", `${used.name} (${used.reason})`);
  for (const [label, text] of runFacts(opened, options)) say(label, text);
}

async function doctor(options: DoctorOptions): Promise<void> {
  for (const name of ["memory", "backend"] as const)
    if (options[name] !== undefined)
      throw new UsageError(`--${name} says how a checkpoint would run. Name one with --model, or leave it out.`);
  say("nuwa", VERSION);
  say(
    "node",
    `${process.version} on ${process.platform} ${process.arch}, ${cpus().length} processors, ` +
      `${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`,
  );
  say("tfjs", tf.version.tfjs);
  say("sharp", `${sharp.versions.sharp} (libvips ${sharp.versions.vips})`);

  // The native backend goes last: it is tried in a process of its own.
  const wasm = await works("wasm");
  say("wasm", wasm ?? "works; needs nothing but npm");
  say("cpu", (await works("cpu")) ?? "works; plain JavaScript, for small checks only");
  sayLines("webgpu", webgpuReport().lines);
  const native = await nativeReport();
  sayLines("tensorflow", native.lines);
  const choice = await useBackend(undefined, { large: false });
  say("used", `${choice.name} (${choice.reason})`);
  say("model", checkModel());
  if (wasm !== undefined)
    throw new NuwaError(`the embedded backend does not work here: ${wasm}. Install again with npm.`);
}

/** Makes a product on a backend. Undefined when it is right, else what went wrong. */
async function works(backend: string): Promise<string | undefined> {
  try {
    await useBackend(backend);
    const value = tf.tidy(() => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()[0]);
    return value === 11 ? undefined : `computes wrongly (1·3 + 2·4 = ${value})`;
  } catch (error) {
    return `does not work (${(error as Error).message.split("\n")[0]})`;
  }
}

/** Whether the shipped checkpoint can be loaded completely. */
function checkModel(): string {
  try {
    loadTokenizer(SHIPPED_MODEL);
    const model = loadModel(SHIPPED_MODEL);
    const parameters = [...model.tensors.values()].reduce((sum, tensor) => sum + tensor.size, 0);
    disposeModel(model);
    return `${SHIPPED_MODEL} loads (${(parameters / 1e6).toFixed(2)} M parameters)`;
  } catch (error) {
    return (error as Error).message;
  }
}

function sayLines(label: string, lines: readonly string[]): void {
  lines.forEach((line, i) => {
    say(i === 0 ? label : "", line);
  });
}
