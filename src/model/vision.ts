import * as tf from "@tensorflow/tfjs";
import type { Tap } from "../tap.ts";
import { activations } from "./activations.ts";
import type { VisionConfig } from "./config.ts";
import { attend, layerNorm, linear, mergeHeads, splitHeads, tokenRows } from "./layers.ts";
import type { Model, Weights } from "./weights.ts";

/** What the vision tower shows to the projector and to a pruning method. I images, N patches, D wide. */
export interface VisionOutput {
  /** The patch grid; N = rows·columns. */
  readonly grid: { readonly rows: number; readonly columns: number };
  /** hidden_states[0..L], each [I, N+1, D], the class token first. */
  readonly hiddenStates: readonly tf.Tensor3D[];
  /** The hidden state that `vision_feature_layer` names: [I, N, D], or [I, N+1, D] where `vision_feature_select_strategy` keeps the class token. */
  readonly features: tf.Tensor3D;
  /** Attention from the class token in the block that made `features`, summed over heads: [I, N]. */
  readonly clsAttention: tf.Tensor2D;
  /** L2 norm of each patch's key vector over all heads in that block: [I, N]. */
  readonly keyNorms: tf.Tensor2D;
}

/**
 * The CLIP vision tower (Radford et al., arXiv 2103.00020): pre-norm ViT with a class token and learned
 * positions. No `post_layernorm`: LLaVA reads hidden states from before it.
 *
 * @param pixels [I, 3, H, W], normalised
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/clip/modeling_clip.py
 */
export function visionTower(model: Model, pixels: tf.Tensor4D, tap: Tap): VisionOutput {
  const { vision } = model.config;
  const w = model.weights.at("vision_tower.vision_model");
  const [, , height, width] = pixels.shape;
  // vision_feature_layer counts hidden states, of which there is one more than blocks; block i makes state i+1.
  const featureState = (model.config.visionFeatureLayer + vision.numHiddenLayers + 1) % (vision.numHiddenLayers + 1);
  const featureBlock = Math.max(0, featureState - 1);

  let x = layerNorm(w.at("pre_layrnorm"), embedPatches(w.at("embeddings"), pixels, vision), vision.layerNormEps);
  x = tap("vision.hidden_states.0", x); // [I, N+1, D]
  const hiddenStates = [x];
  let seen: BlockOutput | undefined;
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    // The tidy frees each block's attention unless it is the one that stage 1 looks at.
    const output = tf.tidy(() => {
      const { x: y, ...rest } = encoderLayer(w.at("encoder.layers", i), x, vision, tap, i);
      return i === featureBlock ? { x: y, ...rest } : { x: y };
    });
    if ("attention" in output) seen = output as BlockOutput;
    x = tap(`vision.hidden_states.${i + 1}`, output.x);
    hiddenStates.push(x);
  }
  const { attention, keys } = seen as BlockOutput;
  const keepsClass = model.config.visionFeatureSelectStrategy === "full";
  return {
    grid: { rows: height / vision.patchSize, columns: width / vision.patchSize },
    hiddenStates: hiddenStates as tf.Tensor3D[],
    features: tap(
      "vision.features",
      keepsClass ? (hiddenStates[featureState] as tf.Tensor3D) : withoutClassToken(hiddenStates[featureState]),
    ),
    clsAttention: tap("vision.cls_attention", clsAttention(attention)),
    keyNorms: tap("vision.key_norms", withoutClassToken(keys).square().sum(-1).sqrt() as tf.Tensor2D),
  };
}

type BlockOutput = {
  x: tf.Tensor;
  /** [I, h, N+1, N+1] */
  attention: tf.Tensor4D;
  /** [I, N+1, D], all heads side by side */
  keys: tf.Tensor;
};

/** Patches as rows, the class token in front, learned positions added: [I, 3, H, W] → [I, N+1, D]. */
function embedPatches(w: Weights, pixels: tf.Tensor4D, config: VisionConfig): tf.Tensor {
  const [images, channels, height, width] = pixels.shape;
  const side = config.patchSize;
  const [rows, columns] = [height / side, width / side];
  // A convolution whose stride is its kernel is a linear layer on flattened patches: first the pixels of
  // each patch are put together, then its channels.
  const patches = pixels
    .reshape([images * channels * rows, side, columns, side])
    .transpose([0, 2, 1, 3]) // [I·3·rows, columns, side, side]
    .reshape([images, channels, rows * columns, side * side])
    .transpose([0, 2, 1, 3]) // [I, N, 3, side²]
    .reshape([images * rows * columns, channels * side * side]);
  const kernel = w
    .tensor("patch_embedding.weight")
    .reshape([config.hiddenSize, channels * side * side])
    .transpose();
  const embedded = tf.matMul(patches, kernel).reshape([images, rows * columns, config.hiddenSize]); // [I, N, D]
  const classToken = w.tensor("class_embedding").reshape([1, 1, config.hiddenSize]).tile([images, 1, 1]);
  return tf.concat([classToken, embedded], 1).add(w.tensor("position_embedding.weight")); // [I, N+1, D]
}

function encoderLayer(w: Weights, x: tf.Tensor, config: VisionConfig, tap: Tap, i: number): BlockOutput {
  const heads = config.numAttentionHeads;
  const [images] = x.shape;
  const rows = tokenRows(x); // [I·(N+1), D]
  const normed = layerNorm(w.at("layer_norm1"), rows, config.layerNormEps);
  const attention = w.at("self_attn");
  const keys = linear(attention.at("k_proj"), normed);
  const q = tap(`vision.${i}.queries`, splitHeads(linear(attention.at("q_proj"), normed), images, heads)); // [I, h, N+1, d]
  const k = tap(`vision.${i}.keys`, splitHeads(keys, images, heads));
  const v = tap(`vision.${i}.values`, splitHeads(linear(attention.at("v_proj"), normed), images, heads));
  const attended = attend(q, k, v, undefined, tap, `vision.${i}`);
  const y = rows.add<tf.Tensor2D>(linear(attention.at("out_proj"), mergeHeads(attended.output)));
  const inner = linear(w.at("mlp.fc1"), layerNorm(w.at("layer_norm2"), y, config.layerNormEps)); // [I·(N+1), 4D]
  return {
    x: y.add(linear(w.at("mlp.fc2"), activations[config.hiddenAct](inner))).reshape(x.shape),
    attention: attended.attention,
    keys: keys.reshape(x.shape),
  };
}

/** [I, N+1, D] → [I, N, D] */
export function withoutClassToken(x: tf.Tensor): tf.Tensor3D {
  return x.slice([0, 1, 0]) as tf.Tensor3D;
}

/** The class token's row without its own column, summed over heads: [I, h, N+1, N+1] → [I, N]. */
function clsAttention(attention: tf.Tensor4D): tf.Tensor2D {
  const [images, heads, tokens] = attention.shape;
  return attention
    .slice([0, 0, 0, 1], [images, heads, 1, tokens - 1])
    .squeeze([2])
    .sum(1);
}

/**
 * The two-layer projector from vision features to token embeddings: [..., D] → [..., Hd].
 *
 * Source: Liu et al., "Improved Baselines with Visual Instruction Tuning", arXiv 2310.03744, section 3.
 */
export function project(model: Model, x: tf.Tensor): tf.Tensor3D {
  const w = model.weights.at("multi_modal_projector");
  const activate = activations[model.config.projectorHiddenAct];
  return linear(w.at("linear_2"), activate(linear(w.at("linear_1"), x))) as tf.Tensor3D;
}
