import { resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { UsageError } from "../core/errors.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { TapName } from "../core/tap-points.ts";
import { chain, record, type Tap } from "../core/taps.ts";
import { requireWritableFile } from "../io/files.ts";
import { openModel } from "../io/load.ts";
import { type TensorValues, writeSafetensors } from "../io/safetensors.ts";
import type { Pruning } from "../methods/method.ts";
import { disposeModel, type Vlm } from "../model/vlm.ts";
import { generate } from "../pipeline/generate.ts";
import { forward } from "../pipeline/prefill.ts";
import { useBackendFor } from "./backend.ts";
import { collect, recordedEntries, requireMet, tapsOf } from "./dump.ts";
import { checkIds, type FileInputs, imagesOf, readInputs } from "./inputs.ts";
import { loadWithin } from "./memory.ts";
import { addRunOptions, methodFrom, parseCount, type RunOptions, requireText } from "./options.ts";
import { passProgress } from "./pass-progress.ts";

interface ForwardCommandOptions extends RunOptions {
  readonly model: string;
  readonly inputs: string;
  readonly dump: string;
  readonly generate?: number;
  readonly ignoreEos?: boolean;
  readonly tap?: readonly string[];
}

/** What every dump holds, as far as the method passes there. */
const DUMPED: readonly TapName[] = [
  "vision.features",
  "vision.cls_attention",
  "projector.output",
  "stage1.indices",
  "stage1.tokens",
  "stage1.pillars",
  "stage2.indices",
  "final.indices",
  "final.images",
  "logits_last",
];

/** `nuwa forward`: one forward pass on given pixels and ids, dumped for comparison with other programs. */
export function addForward(program: Command): void {
  const command = program
    .command("forward")
    .description("run a checkpoint on pixel_values and input_ids of a safetensors file and dump what it computes")
    .requiredOption("--model <folder>", "checkpoint folder")
    .requiredOption("--inputs <file>", "safetensors with input_ids [n] and pixel_values, image_sizes or image_grid_thw")
    .requiredOption("--dump <file>", "safetensors to write")
    .option("--generate <n>", "also generate n tokens greedily", parseCount)
    .option("--ignore-eos", "do not stop at end-of-sequence tokens")
    .option("--tap <pattern>", "also dump these taps, such as llm.*.tokens; may be given more than once", collect);
  addRunOptions(command, "none").action(runForward);
}

async function runForward(options: ForwardCommandOptions): Promise<void> {
  requireWritableFile(requireText("--dump", options.dump));
  if (resolve(options.dump) === resolve(options.inputs))
    throw new UsageError("--dump and --inputs name the same file. Give the dump a path of its own.");
  const inputs = readInputs(requireText("--inputs", options.inputs));
  // Everything that can be wrong with the options is found before the weights are read.
  const opened = openModel(requireText("--model", options.model));
  checkIds(options.inputs, inputs, opened.config);
  const { definition, method } = await methodFrom(options, opened.config);
  const asked = tapsOf(options.tap ?? [], opened);
  requireMet(asked, definition, inputs.pixels ? 1 : 0);
  const backend = await useBackendFor(opened, options.backend);
  const model = loadWithin(opened, options);
  try {
    const recorder = record([...DUMPED, ...asked]);
    try {
      const progress = passProgress(process.stderr, model);
      const tap = progress.tap(definition.name);
      const generated = await computeForward(model, inputs, options, method, {
        tap: chain(recorder.tap, tap),
        steps: tap,
      });
      progress.end();
      for (const name of asked) recorder.all(name); // refuses what was not met
      const entries = await recordedEntries(recorder, [...new Set([...DUMPED, ...asked])]);
      writeSafetensors(options.dump, generated ? [...entries, ["generated", generated]] : entries);
      process.stdout.write(`backend    ${backend.name} (${backend.reason})\n`);
      process.stdout.write(`wrote      ${options.dump}\n`);
    } finally {
      recorder.dispose();
    }
  } finally {
    disposeModel(model);
  }
}

async function computeForward(
  model: Vlm,
  inputs: FileInputs,
  options: ForwardCommandOptions,
  method: Pruning,
  { tap, steps }: { readonly tap: Tap; readonly steps: Tap },
): Promise<TensorValues | undefined> {
  const images = imagesOf(options.inputs, inputs);
  try {
    const prompt = { prompts: [inputs.ids], promptsOrigin: `${options.inputs}: input_ids` };
    const result = await run(() => forward(model, { ...images, ...prompt }, method, tap));
    try {
      if (!options.generate) return undefined;
      const generated: number[] = [];
      const stop = options.ignoreEos ? { stopTokens: [] } : {};
      for await (const [id] of generate(model, result, { maxNewTokens: options.generate, tap: steps, ...stop }))
        generated.push(id as number);
      return { shape: [generated.length], values: Int32Array.from(generated) };
    } finally {
      tf.dispose(tensorsIn(result));
    }
  } finally {
    tf.dispose(tensorsIn(images));
  }
}
