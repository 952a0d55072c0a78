import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import { activations } from "../transformer/activations.ts";
import {
  attend,
  attendInParts,
  layerNorm,
  linear,
  mergeHeads,
  splitHeads,
  tapRows,
  tokenRows,
} from "../transformer/layers.ts";
import {
  logSizes,
  type Members,
  mergeMembers,
  mergeTokens,
  type TowerMerge,
  unmerged,
} from "../transformer/merging.ts";
import type { Weights } from "../weights.ts";
import type { LlavaConfig, VisionConfig } from "./config.ts";

/** The configuration and the weights that the tower reads. */
export interface TowerSource {
  readonly config: Pick<LlavaConfig, "vision" | "visionFeatureLayer" | "projectorHiddenAct">;
  readonly weights: Weights;
}

/** What the vision tower computes. I images, N patches, D wide. */
export interface TowerOutput {
  /** hidden_states[0..L], each [I, N+1, D], the class token first. */
  readonly hiddenStates: readonly tf.Tensor3D[];
  /** Index of the hidden state that `vision_feature_layer` names. */
  readonly featureState: number;
  /** The block that made it, from 0. */
  readonly featureBlock: number;
  /** What the class token attends to in that block, [I, h, 1, N+1]. */
  readonly classAttention: tf.Tensor4D;
  /** Its keys, all heads side by side, [I, N+1, D]. */
  readonly keys: tf.Tensor3D;
  /** Rows of the unmerged tower that each row of the feature state is made of. */
  readonly members: Members;
}

/**
 * The CLIP vision tower (Radford et al., arXiv 2103.00020): pre-norm ViT with a class token and learned
 * positions. No `post_layernorm`: LLaVA reads hidden states from before it.
 *
 * @param pixels [I, 3, H, W], normalised
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/clip/modeling_clip.py
 */
export function visionTower(model: TowerSource, pixels: tf.Tensor4D, tap: Tap): TowerOutput {
  // Without merges no value is ever asked for, so that the first step is the last.
  return mergingTower(model, pixels, tap).next().value as TowerOutput;
}

/**
 * {@link visionTower} with tokens merged inside it, between the attention and the MLP of each block (ToMe).
 * Where tokens are merged, `hiddenStates` get shorter; `classAttention` and `keys` are those of the feature block
 * before its own merge.
 *
 * @param merge undefined: nothing is merged
 */
export function* mergingTower(
  model: TowerSource,
  pixels: tf.Tensor4D,
  tap: Tap,
  merge?: TowerMerge,
): Readback<TowerOutput> {
  const { vision } = model.config;
  const w = model.weights.at("vision_tower.vision_model");
  // vision_feature_layer counts hidden states, of which there is one more than blocks; block i makes state i+1.
  const featureState = (model.config.visionFeatureLayer + vision.numHiddenLayers + 1) % (vision.numHiddenLayers + 1);
  const featureBlock = Math.max(0, featureState - 1);

  const patches = embedPatches(w.at("embeddings"), tap("vision.pixels", pixels), vision);
  let x = layerNorm(w.at("pre_layrnorm"), patches, vision.layerNormEps);
  x = tap("vision.hidden_states.0", x); // [I, N+1, D]
  const hiddenStates = [x];
  let seen: AttendedByClass | undefined;
  let members = unmerged(x.shape[0], x.shape[1] as number);
  let featureMembers = members;
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    const block = w.at("encoder.layers", i);
    const read = i === featureBlock || merge !== undefined;
    const attended = tf.tidy(() => {
      const { y, ...rest } = attendTokens(block, x, members, vision, tap, i, i === featureBlock);
      return read ? { y, ...rest } : { y };
    });
    let { y } = attended;
    if (merge) {
      const { keys } = attended as Attended;
      const groups = yield* merge({
        block: i,
        keys,
        heads: vision.numAttentionHeads,
        prefixTokens: 1,
        featureBlock,
        tap,
      });
      if (groups) {
        y = mergeTokens(y, members, groups);
        members = mergeMembers(members, groups);
      }
    }
    // What a tap puts in belongs to whoever made it: only `y` is freed below.
    const residual = tap(`vision.${i}.residual`, y);
    if (i === featureBlock) [seen, featureMembers] = [attended as AttendedByClass, members];
    x = tap(`vision.hidden_states.${i + 1}`, mixChannels(block, residual, vision, tap, i));
    hiddenStates.push(x);
    tf.dispose(i === featureBlock ? [y, attended.y] : [y, attended]);
  }
  const { classAttention, keys } = seen as AttendedByClass;
  return {
    hiddenStates: hiddenStates as tf.Tensor3D[],
    featureState,
    featureBlock,
    classAttention,
    keys,
    members: featureMembers,
  };
}

type Attended = {
  /** Tokens after the attention and its residual, [I, N+1, D] */
  y: tf.Tensor3D;
  /** [I, h, 1, N+1]; undefined in other blocks than that of the features */
  classAttention: tf.Tensor4D | undefined;
  /** [I, N+1, D], all heads side by side */
  keys: tf.Tensor3D;
};
type AttendedByClass = Attended & { classAttention: tf.Tensor4D };

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

/**
 * The first half of a block: attention around a residual.
 *
 * @param makesFeatures whether stage 1 looks at what the class token attends to
 */
function attendTokens(
  w: Weights,
  x: tf.Tensor,
  members: Members,
  config: VisionConfig,
  tap: Tap,
  i: number,
  makesFeatures: boolean,
): Attended {
  const heads = config.numAttentionHeads;
  const [images] = x.shape;
  const rows = tokenRows(x); // [I·(N+1), D]
  const normed = layerNorm(w.at("layer_norm1"), rows, config.layerNormEps);
  const attention = w.at("self_attn");
  const keys = linear(attention.at("k_proj"), normed);
  // [I, h, N+1, d]
  const q = tap(`vision.${i}.queries`, splitHeads(linear(attention.at("q_proj"), normed), images, heads));
  const k = tap(`vision.${i}.keys`, splitHeads(keys, images, heads));
  const v = tap(`vision.${i}.values`, splitHeads(linear(attention.at("v_proj"), normed), images, heads));
  const all = [q, k, v, logSizes(members), tap, `vision.${i}`] as const;
  const attended = makesFeatures ? attend(...all) : { ...attendInParts(...all), attention: undefined };
  const output = linear(attention.at("out_proj"), mergeHeads(attended.output)); // [I·(N+1), D]
  const y = rows.add<tf.Tensor2D>(tapRows(tap, `vision.${i}.attention_output`, output, x.shape));
  return {
    y: y.reshape(x.shape as tf.Tensor3D["shape"]),
    classAttention: attended.attention?.slice([0, 0, 0, 0], [-1, -1, 1, -1]),
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
