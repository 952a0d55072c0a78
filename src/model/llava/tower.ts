import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import { activations } from "../transformer/activations.ts";
import { attend, layerNorm, linear, mergeHeads, splitHeads, tapRows, tokenRows } from "../transformer/layers.ts";
import {
  logSizes,
  type Members,
  mergeMembers,
  mergeTokens,
  type TowerMerge,
  unmerged,
} from "../transformer/merging.ts";
import type { VisionConfig } from "./config.ts";
import type { Model, Weights } from "./weights.ts";

/** What the vision tower shows to the projector and to a pruning method. I images, N patches, D wide. */
export interface VisionOutput {
  /** The patch grid; N = rows·columns. */
  readonly grid: { readonly rows: number; readonly columns: number };
  /** hidden_states[0..L], each [I, N+1, D], the class token first. */
  readonly hiddenStates: readonly tf.Tensor3D[];
  /** The hidden state that `vision_feature_layer` names: [I, N, D], or [I, N+1, D] where `vision_feature_select_strategy` keeps the class token. */
  readonly features: tf.Tensor3D;
  /** The class token of that hidden state, [I, 1, D]. */
  readonly classFeature: tf.Tensor3D;
  /** The block that made `features`, from 0. */
  readonly featureBlock: number;
  /** Attention from the class token in the block that made `features`, summed over heads: [I, N]. */
  readonly clsAttention: tf.Tensor2D;
  /** L2 norm of each patch's key vector over all heads in that block: [I, N]. */
  readonly keyNorms: tf.Tensor2D;
  /** Rows of the unmerged tower (0 is the class token) that each row of `features` is made of, where tokens were merged on the way. */
  readonly members: Members | undefined;
}

/**
 * The CLIP vision tower (Radford et al., arXiv 2103.00020): pre-norm ViT with a class token and learned
 * positions. No `post_layernorm`: LLaVA reads hidden states from before it.
 *
 * @param pixels [I, 3, H, W], normalised
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/clip/modeling_clip.py
 */
export function visionTower(model: Model, pixels: tf.Tensor4D, tap: Tap): VisionOutput {
  // Without merges no value is ever asked for, so that the first step is the last.
  return mergingTower(model, pixels, tap).next().value as VisionOutput;
}

/**
 * {@link visionTower} with tokens merged inside it, between the attention and the MLP of each block (ToMe).
 * Where tokens are merged, `hiddenStates` get shorter, `features` have fewer than N rows, and
 * `clsAttention` and `keyNorms` are those of the feature block before its own merge.
 *
 * @param merge undefined: nothing is merged
 */
export function* mergingTower(model: Model, pixels: tf.Tensor4D, tap: Tap, merge?: TowerMerge): Readback<VisionOutput> {
  const { vision } = model.config;
  const w = model.weights.at("vision_tower.vision_model");
  const [, , height, width] = pixels.shape;
  // vision_feature_layer counts hidden states, of which there is one more than blocks; block i makes state i+1.
  const featureState = (model.config.visionFeatureLayer + vision.numHiddenLayers + 1) % (vision.numHiddenLayers + 1);
  const featureBlock = Math.max(0, featureState - 1);

  let x = layerNorm(w.at("pre_layrnorm"), embedPatches(w.at("embeddings"), pixels, vision), vision.layerNormEps);
  x = tap("vision.hidden_states.0", x); // [I, N+1, D]
  const hiddenStates = [x];
  let seen: Attended | undefined;
  let members = unmerged(x.shape[0], x.shape[1] as number);
  let featureMembers = members;
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    const block = w.at("encoder.layers", i);
    const read = i === featureBlock || merge !== undefined;
    // The tidy frees each block's attention unless it is the one that stage 1 looks at.
    const attended = tf.tidy(() => {
      const { y, ...rest } = attendTokens(block, x, members, vision, tap, i);
      return read ? { y, ...rest } : { y };
    });
    let { y } = attended;
    if (merge) {
      const { keys } = attended as Attended;
      const groups = yield* merge({ block: i, keys, heads: vision.numAttentionHeads, featureBlock, tap });
      if (groups) {
        y = mergeTokens(y, members, groups);
        members = mergeMembers(members, groups);
      }
    }
    // What a tap puts in belongs to whoever made it: only `y` is freed below.
    const residual = tap(`vision.${i}.residual`, y);
    if (i === featureBlock) [seen, featureMembers] = [attended as Attended, members];
    x = tap(`vision.hidden_states.${i + 1}`, mixChannels(block, residual, vision, tap, i));
    hiddenStates.push(x);
    tf.dispose(i === featureBlock ? [y, attended.y] : [y, attended]);
  }
  const { attention, keys } = seen as Attended;
  const keepsClass = model.config.visionFeatureSelectStrategy === "full";
  const state = hiddenStates[featureState] as tf.Tensor3D;
  return {
    grid: { rows: height / vision.patchSize, columns: width / vision.patchSize },
    hiddenStates: hiddenStates as tf.Tensor3D[],
    features: tap("vision.features", keepsClass ? state : withoutClassToken(state)),
    classFeature: state.slice([0, 0, 0], [-1, 1, -1]),
    featureBlock,
    clsAttention: tap("vision.cls_attention", clsAttention(attention)),
    keyNorms: tap("vision.key_norms", withoutClassToken(keys).square().sum(-1).sqrt() as tf.Tensor2D),
    members: merge && featureMembers.map((rows) => (keepsClass ? rows : rows.slice(1))),
  };
}

type Attended = {
  /** Tokens after the attention and its residual, [I, N+1, D] */
  y: tf.Tensor3D;
  /** [I, h, N+1, N+1] */
  attention: tf.Tensor4D;
  /** [I, N+1, D], all heads side by side */
  keys: tf.Tensor3D;
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

/** The first half of a block: attention around a residual. */
function attendTokens(w: Weights, x: tf.Tensor, members: Members, config: VisionConfig, tap: Tap, i: number): Attended {
  const heads = config.numAttentionHeads;
  const [images] = x.shape;
  const rows = tokenRows(x); // [I·(N+1), D]
  const normed = layerNorm(w.at("layer_norm1"), rows, config.layerNormEps);
  const attention = w.at("self_attn");
  const keys = linear(attention.at("k_proj"), normed);
  const q = tap(`vision.${i}.queries`, splitHeads(linear(attention.at("q_proj"), normed), images, heads)); // [I, h, N+1, d]
  const k = tap(`vision.${i}.keys`, splitHeads(keys, images, heads));
  const v = tap(`vision.${i}.values`, splitHeads(linear(attention.at("v_proj"), normed), images, heads));
  const attended = attend(q, k, v, logSizes(members), tap, `vision.${i}`);
  const output = linear(attention.at("out_proj"), mergeHeads(attended.output)); // [I·(N+1), D]
  const y = rows.add<tf.Tensor2D>(tapRows(tap, `vision.${i}.attention_output`, output, x.shape));
  return {
    y: y.reshape(x.shape as tf.Tensor3D["shape"]),
    attention: attended.attention,
    keys: keys.reshape(x.shape as tf.Tensor3D["shape"]),
  };
}

/** The second half: the MLP around a residual. */
function mixChannels(w: Weights, x: tf.Tensor3D, config: VisionConfig, tap: Tap, i: number): tf.Tensor {
  return tf.tidy(() => {
    const rows = tokenRows(x); // [I·(N+1), D]
    const inner = linear(w.at("mlp.fc1"), layerNorm(w.at("layer_norm2"), rows, config.layerNormEps)); // [I·(N+1), 4D]
    const output = linear(w.at("mlp.fc2"), activations[config.hiddenAct](inner)); // [I·(N+1), D]
    return rows.add(tapRows(tap, `vision.${i}.mlp_output`, output, x.shape)).reshape(x.shape);
  });
}

/** Queries and keys of one block with their biases, all heads side by side, [I, N+1, D] each. */
export interface QueriesAndKeys {
  readonly queries: tf.Tensor3D;
  readonly keys: tf.Tensor3D;
}

/**
 * Queries and keys of any block, computed anew from the hidden state that enters it, for methods that
 * look at another block than the one of the features.
 *
 * @param block from 0
 */
export function queriesAndKeys(model: Model, { hiddenStates }: VisionOutput, block: number): QueriesAndKeys {
  const w = model.weights.at("vision_tower.vision_model.encoder.layers", block);
  return tf.tidy(() => {
    const normed = layerNorm(w.at("layer_norm1"), hiddenStates[block], model.config.vision.layerNormEps);
    return { queries: linear(w.at("self_attn.q_proj"), normed), keys: linear(w.at("self_attn.k_proj"), normed) };
  });
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
