import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { readJson, writeAtomically } from "../data/files.ts";
import { openSafetensors, readTensor, type TensorValues, writeSafetensors } from "../data/safetensors.ts";
import { NuwaError } from "../errors.ts";
import { type TrainState, unpack } from "./optimizer.ts";
import type { AnyRecipe } from "./recipe.ts";

/** Loss and circumstances of one step. */
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

/** Where a training stands, apart from its tensors. */
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
  tensors: z.string().regex(/^state-[\w-]+\.safetensors$/),
  stage: z.number().int().min(0),
  step: z.number().int().min(0),
  seconds: z.number(),
  steps: z.array(stepRecord),
  figures: z.array(figuresRecord),
});

/** A training as it lies on the disk. */
export interface Saved {
  readonly progress: Progress;
  /** Weights that the stage does not train, or all weights between stages. */
  readonly frozen: Map<string, tf.Tensor>;
  /** Undefined between stages. */
  readonly state: TrainState | undefined;
}

const progressPath = (folder: string) => join(folder, "progress.json");

/** Whether a folder holds a training. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(progressPath(folder));
}

/**
 * Writes weights, moments and progress so that a kill at any moment leaves a whole training: first the
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
    if (/^state-.*\.safetensors$/.test(old) && old !== file) rmSync(join(folder, old), { force: true });
  }
}

/**
 * Reads a training.
 *
 * @throws NuwaError when files are damaged or the training was of another recipe
 */
export function loadCheckpoint<R extends AnyRecipe>(folder: string, recipe: R): Saved {
  const path = progressPath(folder);
  const { recipe: theirs, tensors: file, ...progress } = readJson(path, progressSchema, 256 * 2 ** 20);
  if (JSON.stringify(theirs) !== JSON.stringify(recipe))
    throw new NuwaError(
      `${path}: field "recipe": is not the recipe "${recipe.name}" of today. Train into another folder.`,
    );
  const source = openSafetensors(join(folder, file));
  const values = new Map<string, Map<string, TensorValues>>();
  for (const full of source.entries.keys()) {
    const [kind, name] = full.split("/");
    if (!values.has(kind)) values.set(kind, new Map());
    values.get(kind)?.set(name, readTensor(source, full));
  }
  const frozen = new Map(
    [...(values.get("frozen") ?? [])].map(([name, { shape, values: all }]) => [name, tf.tensor(all, [...shape])]),
  );
  return { progress, frozen, state: stateFrom(values, progress.step, path) };
}

function stateFrom(
  values: ReadonlyMap<string, ReadonlyMap<string, TensorValues>>,
  step: number,
  path: string,
): TrainState | undefined {
  const parameters = values.get("parameters");
  if (!parameters) return undefined;
  const entries = [...parameters].map(([name, { shape, values: all }]) => ({ name, shape, size: all.length }));
  const flat = (kind: string) => {
    const tensors = values.get(kind);
    const parts = entries.map(({ name }) => tensors?.get(name)?.values);
    if (parts.some((part) => part === undefined))
      throw new NuwaError(`${path}: its tensors lack "${kind}". Start afresh.`);
    const all = new Float32Array(entries.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const part of parts as Float32Array[]) {
      all.set(part, at);
      at += part.length;
    }
    return tf.tensor1d(all);
  };
  return { entries, parameters: flat("parameters"), first: flat("first"), second: flat("second"), step };
}
