import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { requireMemory } from "../backend/memory.ts";
import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import type { Vlm, VlmConfig } from "../model/vlm.ts";
import type { LoadedVlm } from "../pipeline/answer.ts";
import { type Checkpoint, type CheckpointJson, findTensor, openCheckpoint, type TensorLocation } from "./checkpoint.ts";
import { preprocessingOf } from "./preprocessing.ts";
import { loadChatTemplate } from "./prompt.ts";
import { readTensor } from "./safetensors.ts";
import { loadTokenizer } from "./tokenizer.ts";

/** A checkpoint whose files, configuration, tensor names and shapes have been checked; no weights read yet. */
export interface OpenedModel {
  readonly checkpoint: Checkpoint;
  readonly config: VlmConfig;
  /** Every weight that the configuration asks for, and where it lies. */
  readonly locations: readonly (TensorLocation & { readonly name: string; readonly shape: readonly number[] })[];
}

/**
 * Opens a checkpoint folder and finds everything that can be wrong with it short of reading its weights.
 *
 * @throws NuwaError naming the file and the field or tensor
 */
export function openModel(directory: string): OpenedModel {
  const checkpoint = openCheckpoint(directory);
  const config = configOf(checkpoint);
  const locations = [...checkpoint.family.tensorShapes(config)].map(([name, shape]) => ({
    name,
    shape,
    ...findTensor(checkpoint, name, shape),
  }));
  return { checkpoint, config, locations };
}

/** The configuration that the files of a checkpoint describe. @throws NuwaError naming the file and the field */
export function configOf({ directory, family, ...json }: CheckpointJson): VlmConfig {
  const path = join(directory, "config.json");
  return family.parseConfig(path, json.config, json.generationConfig, json.visionTowerConfig);
}

/**
 * Reads the weights onto the current backend, as float32.
 *
 * @param from a checkpoint folder, or one that was opened before
 * @throws NuwaError when the backend has too little memory, or naming the file and tensor that is damaged
 */
export function loadModel(from: string | OpenedModel): Vlm {
  const opened = typeof from === "string" ? openModel(from) : from;
  const { checkpoint, config, locations } = opened;
  requireTied(opened);
  requireMemory(
    checkpoint.directory,
    locations.reduce((sum, { shape }) => sum + 4 * tf.util.sizeFromShape([...shape]), 0),
  );
  const tensors = new Map<string, tf.Tensor>();
  try {
    for (const { name, shape, file, entry } of locations) {
      const { values } = readTensor(file, entry.name);
      requireFinite(file.path, entry.name, values);
      tensors.set(name, tf.tensor(values, [...shape], "float32"));
    }
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  }
  return checkpoint.family.createModel(config, tensors);
}

/**
 * Where config.json ties the head to the token embeddings, a head that lies in the files, too, must be the same:
 * transformers would use it.
 */
function requireTied({ checkpoint, config }: OpenedModel): void {
  if (!config.text.tieWordEmbeddings) return;
  const [head, embeddings] = ["lm_head.weight", "embed_tokens.weight"].map((end) =>
    [...checkpoint.tensors].find(([name]) => name === end || name.endsWith(`.${end}`)),
  );
  if (!head || !embeddings) return;
  const [own, tied] = [head, embeddings].map(([, { file, entry }]) => readTensor(file, entry.name).values);
  if (own.length !== tied.length || own.some((value, i) => value !== tied[i]))
    throw new NuwaError(
      `${head[1].file.path}: tensor ${shown(head[1].entry.name)} differs from the token embeddings, but ` +
        "config.json has tie_word_embeddings true. Set it to false to use the head of its own.",
    );
}

/** One NaN in a weight makes every answer nonsense; here it can still be named. */
function requireFinite(path: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new NuwaError(`${path}: tensor ${shown(name)} holds ${values[i]}. The file is damaged; fetch it again.`);
  }
}

/**
 * Reads a checkpoint folder whole: weights, tokenizer, chat template and preprocessing.
 *
 * @param from a checkpoint folder, or one that was opened before
 * @throws NuwaError as {@link loadModel}, and naming the file of the tokenizer, the template or the processor
 */
export function loadVlm(from: string | OpenedModel): LoadedVlm {
  const opened = typeof from === "string" ? openModel(from) : from;
  return { ...loadProcessor(opened), model: loadModel(opened) };
}

/** What {@link loadVlm} reads besides the weights, which may be large: everything that can be refused before them. */
export function loadProcessor({
  checkpoint: { directory, family, config: json },
  config,
}: OpenedModel): Omit<LoadedVlm, "model"> {
  return {
    tokenizer: loadTokenizer(directory),
    template: loadChatTemplate(directory, family.chatTemplate(json)),
    preprocessing: preprocessingOf(directory, config),
  };
}

/** The folder of the checkpoint that comes with the package, trained on drawn scenes of shapes. */
export function shapesWeights(): string {
  return fileURLToPath(new URL("../../weights/shapes", import.meta.url));
}
