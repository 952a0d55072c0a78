import { resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { Command } from "commander";
import { useBackend } from "../backend/select.ts";
import { NuwaError, UsageError } from "../core/errors.ts";
import { run, tensorsIn } from "../core/readback.ts";
import type { TapName } from "../core/tap-points.ts";
import { type Recorder, record } from "../core/taps.ts";
import { requireWritableFile } from "../io/files.ts";
import { loadModel, openModel } from "../io/load.ts";
import {
  openSafetensors,
  readTensor,
  type SafetensorsFile,
  type TensorValues,
  writeSafetensors,
} from "../io/safetensors.ts";
import type { Pruning } from "../methods/method.ts";
import { familyNamed } from "../model/families.ts";
import { disposeModel, type Vlm, type VlmConfig } from "../model/vlm.ts";
import { generate } from "../pipeline/generate.ts";
import { splitPrompts } from "../pipeline/placeholders.ts";
import { forward } from "../pipeline/prefill.ts";
import { requireVocabulary } from "../pipeline/prompts.ts";
import { collect, recordedEntries, requireMet, tapsOf } from "./dump.ts";
import { addRunOptions, methodFrom, parseCount, type RunOptions, requireText } from "./options.ts";

interface ForwardCommandOptions extends RunOptions {
  readonly model: string;
  readonly inputs: string;
  readonly dump: string;
  readonly generate?: number;
  readonly ignoreEos?: boolean;
  readonly tap?: readonly string[];
}

/** Names of the tensor beside pixel_values. */
const SIZES = ["image_sizes", "image_grid_thw"];

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
  const backend = await useBackend(options.backend);
  const model = loadModel(opened);
  try {
    const recorder = record([...DUMPED, ...asked]);
    try {
      const generated = await computeForward(model, inputs, options, method, recorder);
      for (const name of asked) recorder.all(name); // refuses what was not met
      const entries = await recordedEntries(recorder, [...new Set([...DUMPED, ...asked])]);
      writeSafetensors(options.dump, generated ? [...entries, ["generated", generated]] : entries);
      process.stdout.write(`backend    ${backend.name} (${backend.reason})\nwrote      ${options.dump}\n`);
    } finally {
      recorder.dispose();
    }
  } finally {
    disposeModel(model);
  }
}

async function computeForward(
  model: Vlm,
  { pixels, sizes, ids }: Inputs,
  options: ForwardCommandOptions,
  method: Pruning,
  { tap }: Recorder,
): Promise<TensorValues | undefined> {
  const origin = `${options.inputs}: pixel_values`;
  const images = pixels ? { pixels: tf.tensor(pixels.values, [...pixels.shape]), sizes, origin } : {};
  try {
    const prompt = { prompts: [ids], promptsOrigin: `${options.inputs}: input_ids` };
    const result = await run(() => forward(model, { ...images, ...prompt }, method, tap));
    try {
      if (!options.generate) return undefined;
      const generated: number[] = [];
      const stop = options.ignoreEos ? { stopTokens: [] } : {};
      for await (const [id] of generate(model, result, { maxNewTokens: options.generate, ...stop }))
        generated.push(id as number);
      return { shape: [generated.length], values: Int32Array.from(generated) };
    } finally {
      tf.dispose(tensorsIn(result));
    }
  } finally {
    tf.dispose(tensorsIn(images));
  }
}

interface Inputs {
  /** Undefined for a prompt of text alone. */
  readonly pixels: TensorValues | undefined;
  /** `image_sizes` or `image_grid_thw`, a row for each image. */
  readonly sizes: readonly (readonly number[])[] | undefined;
  readonly ids: readonly number[];
}

function readInputs(path: string): Inputs {
  const file = openSafetensors(path);
  const pixels = file.entries.has("pixel_values") ? readTensor(file, "pixel_values") : undefined;
  const ids = readTensor(file, "input_ids");
  // transformers returns a batch of one prompt as [1, n], and the tiles of one image as [1, T, 3, S, S].
  const [prompts, ...others] = ids.shape.length === 1 ? [1, ...ids.shape] : ids.shape;
  if (!(ids.values instanceof Int32Array) || prompts !== 1 || others.length !== 1)
    throw new NuwaError(
      `${path}: input_ids must be integers of shape [n], one prompt; they are ${describeTensor(ids)}.`,
    );
  if (pixels && !(pixels.values instanceof Float32Array))
    throw new NuwaError(`${path}: pixel_values must be floats, not integers.`);
  if (pixels && !pixels.values.every(Number.isFinite))
    throw new NuwaError(`${path}: pixel_values holds NaN or infinite values.`);
  const shape = pixels?.shape.length === 5 && pixels.shape[0] === 1 ? pixels.shape.slice(1) : pixels?.shape;
  return { pixels: pixels && { ...pixels, shape: shape as number[] }, sizes: readSizes(file), ids: [...ids.values] };
}

/** "floats of shape [1, 3]" */
function describeTensor({ shape, values }: TensorValues): string {
  return `${values instanceof Int32Array ? "integers" : "floats"} of shape [${shape}]`;
}

/** What a family's preprocessing says of each image besides its pixels. */
function readSizes(file: SafetensorsFile): number[][] | undefined {
  const [name, other] = SIZES.filter((one) => file.entries.has(one));
  if (name === undefined) return undefined;
  if (other !== undefined)
    throw new NuwaError(
      `${file.path}: holds ${name} and ${other}, but a model takes one of them. Leave the other out.`,
    );
  const tensor = readTensor(file, name);
  const { shape, values } = tensor;
  if (!(values instanceof Int32Array) || shape.length !== 2)
    throw new NuwaError(
      `${file.path}: ${name} must be integers, a row for each image; it is ${describeTensor(tensor)}.`,
    );
  const [images, width] = shape;
  return Array.from({ length: images }, (_, image) => [...values.subarray(image * width, (image + 1) * width)]);
}

/** What the ids and the images say, before a weight is read. */
function checkIds(path: string, { ids, pixels, sizes }: Inputs, config: VlmConfig): void {
  const what = `${path}: input_ids`;
  const text = ids.filter((id) => id !== config.imageTokenId);
  requireVocabulary(what, text, config);
  if (text.length === 0) throw new NuwaError(`${what}: holds no text tokens.`);
  if (!pixels && text.length < ids.length)
    throw new NuwaError(`${what}: holds ${ids.length - text.length} image tokens, but the file has no pixel_values.`);
  if (pixels && text.length === ids.length)
    throw new NuwaError(`${what}: holds no image token (id ${config.imageTokenId}) for the image of pixel_values.`);
  if (!pixels) return;
  const shapes = familyNamed(config.family).shapesOf(config, { pixels, sizes, origin: `${path}: pixel_values` });
  splitPrompts([ids], config, shapes, undefined, what);
}
