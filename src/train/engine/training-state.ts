import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { shown, shownName } from "../../core/schema.ts";
import { readJson, writeAtomically } from "../../io/files.ts";
import { requireOwnFile } from "../../io/opening.ts";
import {
  openSafetensors,
  readTensor,
  type SafetensorsFile,
  type TensorValues,
  writeSafetensors,
} from "../../io/safetensors.ts";
import { type TrainState, unpack } from "./optimizer.ts";
import type { AnyRecipe } from "./stage.ts";

/** Loss, gradient norm and learning rate of one step. */
const stepRecord = z.object({
  stage: z.string(),
  step: z.number().int(),
  loss: z.number(),
  gradientNorm: z.number(),
  rate: z.number(),
});
export type StepRecord = z.infer<typeof stepRecord>;

/** Validation figures after some steps of a stage. */
const figuresRecord = z.object({
  stage: z.string(),
  step: z.number().int(),
  figures: z.record(z.string(), z.number()),
});
export type FiguresRecord = z.infer<typeof figuresRecord>;

/** How far a training has come, apart from its tensors. */
export interface Progress {
  /** Index of the stage under way; the number of stages when all are done. */
  readonly stage: number;
  /** Steps of it that are done; the data of the next step follows from this. */
  readonly step: number;
  readonly seconds: number;
  readonly steps: readonly StepRecord[];
  readonly figures: readonly FiguresRecord[];
}

const progressSchema = z.object({
  recipe: z.unknown(),
  /** Name of the file with the tensors: this JSON is written last and decides which one counts. */
  tensors: z.string().regex(/^state-\d+-\d+\.safetensors$/),
  stage: z.number().int().min(0),
  step: z.number().int().min(0),
  seconds: z.number(),
  steps: z.array(stepRecord),
  figures: z.array(figuresRecord),
});

/** A training as saved on the disk. */
export interface Saved {
  readonly progress: Progress;
  /** Weights that the stage does not train, or all weights between stages. */
  readonly frozen: Map<string, tf.Tensor>;
  /** Undefined between stages. */
  readonly state: TrainState | undefined;
}

/** Shapes of all tensors by their name in the file. */
export type Layout = ReadonlyMap<string, readonly number[]>;

const progressPath = (folder: string) => join(folder, "progress.json");

/**
 * Whether a folder holds a training.
 *
 * @throws NuwaError when something else is in the place of its file, such as a link: before work is done whose state
 *   could not be written
 */
export function hasCheckpoint(folder: string): boolean {
  requireOwnFile(progressPath(folder));
  return existsSync(progressPath(folder));
}

/**
 * Writes weights, moments and progress so that a kill at any moment leaves a training that can be resumed: first the
 * tensors under a new name, then the JSON that points to them, then older tensors are removed.
 */
export async function saveCheckpoint(
  folder: string,
  recipe: AnyRecipe,
  progress: Progress,
  frozen: ReadonlyMap<string, tf.Tensor>,
  state: TrainState | undefined,
): Promise<void> {
  const entries: [string, TensorValues][] = [];
  const add = async (kind: string, tensors: ReadonlyMap<string, tf.Tensor>) => {
    for (const [name, tensor] of tensors)
      entries.push([`${kind}/${name}`, { shape: tensor.shape, values: (await tensor.data()) as Float32Array }]);
  };
  await add("frozen", frozen);
  if (state) {
    for (const kind of ["parameters", "first", "second"] as const) {
      const tensors = unpack(state.entries, state[kind]);
      await add(kind, tensors);
      tf.dispose([...tensors.values()]);
    }
  }
  const file = `state-${progress.stage}-${progress.step}.safetensors`;
  writeSafetensors(join(folder, file), entries);
  writeAtomically(progressPath(folder), JSON.stringify({ recipe, tensors: file, ...progress }));
  for (const old of readdirSync(folder)) {
    if (/^state-\d+-\d+\.safetensors$/.test(old) && old !== file) rmSync(join(folder, old), { force: true });
  }
}

/** The remedy for a training whose files are damaged. */
const REMEDY = "Put the folder back from a copy, or start afresh in another one.";

/** What {@link readProgress} returns. */
export interface SavedProgress {
  readonly progress: Progress;
  /** Path of the file with the tensors. */
  readonly tensors: string;
}

/**
 * Reads how far a training has come.
 *
 * @throws NuwaError naming the file and the field when it is damaged or the training was of another recipe
 */
export function readProgress(folder: string, recipe: AnyRecipe): SavedProgress {
  const path = progressPath(folder);
  requireOwnFile(path);
  const { recipe: theirs, tensors: file, ...progress } = readJson(path, progressSchema, 256 * 2 ** 20);
  if (JSON.stringify(theirs) !== JSON.stringify(recipe))
    throw new NuwaError(
      `${path}: field "recipe": is not the recipe "${recipe.name}" of today. Train into another folder.`,
    );
  const tensors = join(folder, file);
  if (!existsSync(tensors))
    throw new NuwaError(`${path}: field "tensors": the file ${shownName(file)} is missing in the folder. ${REMEDY}`);
  return { progress, tensors };
}

/**
 * Reads the tensors of a training.
 *
 * @param layout shapes of what the file must hold and nothing else, by name in the file (see `checkpointLayout`)
 * @throws NuwaError naming the file and the tensor that is missing, unexpected, or of another dtype or shape
 */
export function loadTensors({ progress, tensors: path }: SavedProgress, layout: Layout): Saved {
  const source = openState(path);
  const names = [...source.entries.keys()];
  const unexpected = names.find((name) => !layout.has(name));
  if (unexpected !== undefined)
    throw new NuwaError(`${path}: the tensor ${shown(unexpected)} does not belong to this training. ${REMEDY}`);
  const tensors = new Map([...layout].map(([name, shape]) => [name, readState(source, name, shape)]));
  // In the order of the file, which is that of the state that was saved: sums over all parameters round alike.
  const of = (kind: string) => names.flatMap((name) => (name.startsWith(kind) ? [name.slice(kind.length)] : []));
  const at = (name: string) => tensors.get(name) as TensorValues;
  const frozen = new Map(
    of("frozen/").map((name) => [name, tf.tensor(at(`frozen/${name}`).values, [...at(`frozen/${name}`).shape])]),
  );
  const entries = of("parameters/").map((name) => {
    const { shape, values } = at(`parameters/${name}`);
    return { name, shape, size: values.length };
  });
  if (entries.length === 0) return { progress, frozen, state: undefined };
  const flat = (kind: string) => {
    const all = new Float32Array(entries.reduce((sum, { size }) => sum + size, 0));
    let offset = 0;
    for (const { name, size } of entries) {
      all.set(at(`${kind}/${name}`).values, offset);
      offset += size;
    }
    return tf.tensor1d(all);
  };
  const [parameters, first, second] = ["parameters", "first", "second"].map(flat);
  return { progress, frozen, state: { entries, parameters, first, second, step: progress.step } };
}

function openState(path: string): SafetensorsFile {
  try {
    return openSafetensors(path);
  } catch (error) {
    if (error instanceof NuwaError) throw new NuwaError(`${error.message} ${REMEDY}`);
    throw error;
  }
}

/** A tensor, bit for bit as it was saved. */
function readState(source: SafetensorsFile, name: string, shape: readonly number[]): TensorValues {
  const entry = source.entries.get(name);
  if (!entry) throw new NuwaError(`${source.path}: lacks the tensor "${name}". ${REMEDY}`);
  if (entry.dtype !== "F32" || !tf.util.arraysEqual([...entry.shape], [...shape]))
    throw new NuwaError(
      `${source.path}: the tensor "${name}" is ${entry.dtype} of shape ${shown(entry.shape)}, ` +
        `not F32 of [${shape}]. ${REMEDY}`,
    );
  return readTensor(source, name);
}
