import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { memoryLeft } from "../backend/memory.ts";
import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import { unprunedTokens } from "../model/image-shape.ts";
import type { Vlm, VlmConfig } from "../model/vlm.ts";
import type { LoadedVlm } from "../pipeline/answer.ts";
import { type Checkpoint, type CheckpointJson, findTensor, openCheckpoint, type TensorLocation } from "./checkpoint.ts";
import { preprocessingOf } from "./preprocessing.ts";
import { loadChatTemplate } from "./prompt.ts";
import { readTensor } from "./safetensors.ts";
import { loadTokenizer } from "./tokenizer.ts";
import { type MemoryPlan, planMemory, promptBytes, workingBytes } from "./weights/plan.ts";
import { readWeights } from "./weights/read-weights.ts";
import { StreamedWeights } from "./weights/streamed-weights.ts";
import type { LocatedWeight } from "./weights/weight-files.ts";

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

/** What is held in memory of an opened model, and what is read when it is needed. */
export type ModelPlan = MemoryPlan<LocatedWeight>;

/** The weights of an opened model, and where they lie. */
export function locatedWeights({ locations }: OpenedModel): LocatedWeight[] {
  return locations.map((at) => ({ ...at, bytes: at.entry.end - at.entry.begin }));
}

/** Tokens of a prompt whose images have no fixed size, such as LLaVA-NeXT's largest. */
const MANY_TOKENS = 2928;
/** Of the text around an image. */
export const TEXT_TOKENS = 128;

/** Visual tokens of an unpruned image; where its size decides, of the largest that published models see. */
export function mostVisualTokens({ imageShape }: Pick<VlmConfig, "imageShape">): number {
  return imageShape ? unprunedTokens(imageShape) : MANY_TOKENS;
}

/**
 * Decides which weights of a model are held in memory on the current backend.
 *
 * @param limit the most that this process may take, in bytes; what the machine can spare unless given
 * @param prompts that there are for the model, of which as many as fit share each reading of a layer
 * @throws NuwaError when not even one layer at a time fits
 */
export function planModel(opened: OpenedModel, limit?: number, prompts = 1): ModelPlan {
  const { checkpoint, config } = opened;
  const weights = locatedWeights(opened);
  const tokens = TEXT_TOKENS + mostVisualTokens(config);
  return planMemory(checkpoint.directory, tf.getBackend(), weights, config.text.tieWordEmbeddings, {
    ...memoryLeft(limit),
    working: workingBytes(config.text, tokens, weights),
    prompts,
    each: promptBytes(config.text, tokens),
  });
}

/**
 * Reads the weights onto the current backend, as float32. Where they do not all fit into memory, some layers are read
 * whenever they are needed; then free the model with `disposeModel`, which ends what reads them.
 *
 * @param from a checkpoint folder, or one that was opened before
 * @param plan see {@link planModel}
 * @throws NuwaError when there is too little memory, or naming the file and tensor that is damaged
 */
export function loadModel(from: string | OpenedModel, plan?: ModelPlan): Vlm {
  const opened = typeof from === "string" ? openModel(from) : from;
  const { checkpoint, config } = opened;
  requireTied(opened);
  const { held, streamed, rows, prompts } = plan ?? planModel(opened);
  const tensors = readWeights(held);
  if (streamed.length === 0 && !rows) return checkpoint.family.createModel(config, tensors);
  try {
    const source = new StreamedWeights(tensors, streamed, rows, prompts);
    const model = checkpoint.family.createModel(config, tensors, source);
    return { ...model, turns: source.turns, release: () => source.dispose() };
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  }
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
