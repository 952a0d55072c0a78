import type * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { METHOD_POINTS, matchTaps, type TapName, type TapPattern, tapNames } from "../core/tap-points.ts";
import { ofLastCut, type Recorder, visitLabel } from "../core/taps.ts";
import { requireWritableFile } from "../io/files.ts";
import { type TensorValues, writeSafetensors } from "../io/safetensors.ts";
import type { MethodDefinition } from "../methods/method.ts";
import { METHODS } from "../methods/registry.ts";
import type { Vlm } from "../model/vlm.ts";
import { requireText } from "./options.ts";

/** `--tap`, for commander: collects what is given several times. */
export function collect(name: string, all: readonly string[] = []): string[] {
  return [...all, name];
}

/** The names of the points that some patterns stand for in a model. @throws UsageError when one matches nothing */
export function tapsOf(patterns: readonly string[], { config }: Pick<Vlm, "config">): TapName[] {
  const known = tapNames({ vision: config.facts.visionBlocks, llm: config.facts.layers });
  return [...new Set(patterns.flatMap((pattern) => matchTaps(pattern as TapPattern, known)))];
}

/**
 * Refuses points that a pass will not meet, before work is done for it.
 *
 * @param images how many the prompt has
 * @throws UsageError naming the point and what passes there
 */
export function requireMet(
  names: readonly TapName[],
  { name: method, taps }: Pick<MethodDefinition, "name" | "taps">,
  images: number,
): void {
  const ofImages = names.find((name) => /^(vision|stage1|stage2|final|projector)\./.test(name));
  if (images === 0 && ofImages !== undefined)
    throw new UsageError(`--tap ${ofImages}: the prompt has no image, and only images pass there. Leave it out.`);
  const lacking = METHOD_POINTS.find((name) => names.includes(name) && taps && !taps.includes(name));
  if (lacking === undefined) return;
  const others = METHODS.filter((one) => one.taps?.includes(lacking)).map((one) => one.name);
  throw new UsageError(
    `--tap ${lacking}: the method ${method} does not pass there. Leave it out, or use one that does: ` +
      `${others.join(", ")}.`,
  );
}

/**
 * Refuses a file that cannot be written, before work is done for it; and `--tap` without a file, or a file without it.
 *
 * @throws UsageError, and NuwaError naming the folder
 */
export function requireDump(dump: string | undefined, taps: readonly string[] | undefined): void {
  if (taps && dump === undefined) throw new UsageError("--tap needs --dump FILE, to which the values go.");
  if (!taps && dump !== undefined) throw new UsageError("--dump needs --tap: name the points to write.");
  if (dump !== undefined) requireWritableFile(requireText("--dump", dump));
}

/**
 * What was recorded, of a batch of one: the prefill under the name itself, decoding step n as `NAME@n`. Where a point
 * was met several times, each value is `NAME/LABEL`, the label saying of which cut, images and grid it is; the last
 * cut's has the name itself, too.
 */
export async function recordedEntries(
  recorder: Recorder,
  names: readonly TapName[],
): Promise<[string, TensorValues][]> {
  const entries: [string, TensorValues][] = [];
  for (const name of names)
    for (const step of recorder.steps(name)) {
      const [met, own] = [recorder.all(name, step), step === 0 ? name : `${name}@${step}`];
      const last = ofLastCut(met);
      if (last.length === 1) entries.push([own, await valuesOf(last[0].value)]);
      if (met.length === 1) continue;
      for (const { value, visit } of met) entries.push([`${own}/${visitLabel(name, visit)}`, await valuesOf(value)]);
    }
  return entries;
}

/** Writes what was recorded. @throws UsageError when the method does not pass one of the points */
export async function writeDump(path: string, recorder: Recorder, names: readonly TapName[]): Promise<void> {
  for (const name of names) recorder.all(name);
  writeSafetensors(path, await recordedEntries(recorder, names));
}

/** A recorded tensor without a first axis of one image or prompt; tiles of one image are several. */
async function valuesOf(tensor: tf.Tensor): Promise<TensorValues> {
  return {
    shape: tensor.shape[0] === 1 ? tensor.shape.slice(1) : tensor.shape,
    values: (await tensor.data()) as Float32Array | Int32Array,
  };
}
