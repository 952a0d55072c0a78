import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import type { VlmConfig } from "./config.ts";

/**
 * A place in the tree of weights. Paths are the canonical Hugging Face tensor names, so that
 * `weights.at("vision_tower.vision_model.encoder.layers", 3, "self_attn.q_proj")` is where a reader of
 * the checkpoint would look.
 */
export interface Weights {
  /** The subtree below this place. */
  at(...path: (string | number)[]): Weights;
  /** The tensor with this name below this place. @throws NuwaError when there is none */
  tensor(name: string): tf.Tensor;
  has(name: string): boolean;
}

/** A model: what it is and its weights. Free it with `tf.dispose([...model.tensors.values()])`. */
export interface Model {
  readonly config: VlmConfig;
  readonly weights: Weights;
  /** All weights by canonical name; linear weights are [in, out], transposed from the checkpoint's [out, in]. */
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
}

/** The tree over a flat set of tensors. */
export function weightsTree(tensors: ReadonlyMap<string, tf.Tensor>, prefix = ""): Weights {
  return {
    at: (...path) => weightsTree(tensors, `${prefix}${path.join(".")}.`),
    has: (name) => tensors.has(prefix + name),
    tensor(name) {
      const found = tensors.get(prefix + name);
      if (!found) throw new NuwaError(`the model has no weight ${prefix}${name}.`);
      return found;
    },
  };
}

/** A model from its configuration and all its weights. */
export function createModel(config: VlmConfig, tensors: ReadonlyMap<string, tf.Tensor>): Model {
  return { config, tensors, weights: weightsTree(tensors) };
}

/** Frees the memory of a model. */
export function disposeModel(model: Model): void {
  tf.dispose([...model.tensors.values()]);
}

/**
 * Whether a weight is the matrix of a linear layer, which the model keeps as [in, out] so that no
 * product has to transpose it. Embedding tables keep their layout.
 */
export function isLinearWeight(name: string, shape: readonly number[]): boolean {
  return shape.length === 2 && !/(embed_tokens|position_embedding)\.weight$/.test(name);
}

/**
 * Every tensor that a configuration needs, with its shape **on disk**.
 */
export function tensorShapes(config: VlmConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, inputs: number, outputs: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string, width: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [width]);
    if (bias) shapes.set(`${name}.bias`, [width]);
  };

  const { vision, text } = config;
  const width = vision.hiddenSize;
  const [rows, columns] = vision.imageSize.map((side) => side / vision.patchSize);
  const tower = "vision_tower.vision_model";
  shapes.set(`${tower}.embeddings.class_embedding`, [width]);
  shapes.set(`${tower}.embeddings.patch_embedding.weight`, [width, 3, vision.patchSize, vision.patchSize]);
  shapes.set(`${tower}.embeddings.position_embedding.weight`, [rows * columns + 1, width]);
  norm(`${tower}.pre_layrnorm`, width, true);
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    const block = `${tower}.encoder.layers.${i}`;
    norm(`${block}.layer_norm1`, width, true);
    for (const projection of ["q_proj", "k_proj", "v_proj", "out_proj"])
      linear(`${block}.self_attn.${projection}`, width, width, true);
    norm(`${block}.layer_norm2`, width, true);
    linear(`${block}.mlp.fc1`, width, vision.intermediateSize, true);
    linear(`${block}.mlp.fc2`, vision.intermediateSize, width, true);
  }

  const hidden = text.hiddenSize;
  linear("multi_modal_projector.linear_1", width, hidden, config.projectorBias);
  linear("multi_modal_projector.linear_2", hidden, hidden, config.projectorBias);

  const heads = text.numAttentionHeads * text.headDim;
  const keyValueHeads = text.numKeyValueHeads * text.headDim;
  shapes.set("language_model.model.embed_tokens.weight", [text.vocabSize, hidden]);
  for (let i = 0; i < text.numHiddenLayers; i++) {
    const layer = `language_model.model.layers.${i}`;
    norm(`${layer}.input_layernorm`, hidden, false);
    linear(`${layer}.self_attn.q_proj`, hidden, heads, false);
    linear(`${layer}.self_attn.k_proj`, hidden, keyValueHeads, false);
    linear(`${layer}.self_attn.v_proj`, hidden, keyValueHeads, false);
    linear(`${layer}.self_attn.o_proj`, heads, hidden, false);
    norm(`${layer}.post_attention_layernorm`, hidden, false);
    linear(`${layer}.mlp.gate_proj`, hidden, text.intermediateSize, false);
    linear(`${layer}.mlp.up_proj`, hidden, text.intermediateSize, false);
    linear(`${layer}.mlp.down_proj`, text.intermediateSize, hidden, false);
  }
  norm("language_model.model.norm", hidden, false);
  if (!text.tieWordEmbeddings) linear("language_model.lm_head", hidden, text.vocabSize, false);
  return shapes;
}
