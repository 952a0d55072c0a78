import * as tf from "@tensorflow/tfjs";
import { finishSync, type Readback } from "../../core/readback.ts";
import { type Tap, within } from "../../core/taps.ts";
import { activations } from "../transformer/activations.ts";
import { attendInParts, attentionByRows, type ByRows } from "../transformer/attention.ts";
import { layerNorm, linear, mergeHeads, splitHeads, tapRows, tokenRows } from "../transformer/layers.ts";
import {
  logSizes,
  type Members,
  mergeMembers,
  mergeTokens,
  type TowerMerge,
  unmerged,
} from "../transformer/merging.ts";
import { inTurn, type Weights } from "../weights.ts";
import { classTokens, featureStates, type LlavaConfig, patchGrid, type VisionConfig } from "./config.ts";

/** The configuration and the weights that the tower reads. */
export interface TowerSource {
  readonly config: Pick<LlavaConfig, "vision" | "visionFeatureLayer" | "projectorHiddenAct">;
  readonly weights: Weights;
}

/** What the vision tower computes. I images, N patches behind P class tokens (1 in CLIP, 0 in SigLIP), D wide. */
export interface TowerOutput {
  /** hidden_states[0..L], each [I, P+N, D]. */
  readonly hiddenStates: readonly tf.Tensor3D[];
  /** Indices of the hidden states that `vision_feature_layer` names, in its order. */
  readonly featureStates: readonly number[];
  /** The block that made the last of them, from 0. */
  readonly featureBlock: number;
  /**
   * What each patch is worth by the attention of that block, [I, N]: what the class token pays to it, summed over
   * heads; without a class token what it receives from all patches, mean over heads, summed over the patches.
   */
  readonly salience: tf.Tensor2D;
  /** Its keys, all heads side by side, [I, P+N, D]. */
  readonly keys: tf.Tensor3D;
  /** Rows of the unmerged tower that each row of the feature state is made of. */
  readonly members: Members;
}

/**
 * The vision tower, CLIP's (Radford et al., arXiv 2103.00020): pre-norm ViT with a class token and learned
 * positions; or SigLIP's (Zhai et al., arXiv 2303.15343), which has no class token. No `post_layernorm` and no pooling
 * head: LLaVA reads hidden states from before them.
 *
 * @param pixels [I, 3, H, W], normalised
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/clip/modeling_clip.py
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/siglip/modeling_siglip.py
 */
export function visionTower(model: TowerSource, pixels: tf.Tensor4D, tap: Tap): TowerOutput {
  return finishSync(mergingTower(model, pixels, tap));
}

/**
 * {@link visionTower} with tokens merged inside it, between the attention and the MLP of each block (ToMe).
 * Where tokens are merged, `hiddenStates` get shorter; `salience` and `keys` are those of the feature block
 * before its own merge.
 *
 * @param merge undefined: nothing is merged
 */
export function* mergingTower(
  model: TowerSource,
  pixels: tf.Tensor4D,
  watching: Tap,
  merge?: TowerMerge,
): Readback<TowerOutput> {
  const { vision } = model.config;
  const w = model.weights.at("vision_tower.vision_model");
  const states = featureStates(model.config);
  const featureBlock = Math.max(0, ...states.map((state) => state - 1));
  const prefixTokens = classTokens(vision);
  const tap = within(watching, { prefixTokens });

  const patches = embedPatches(w.at("embeddings"), tap("vision.pixels", pixels), vision);
  let x = prefixTokens > 0 ? layerNorm(w.at("pre_layrnorm"), patches, vision.layerNormEps) : patches;
  x = tap("vision.hidden_states.0", x); // [I, P+N, D]
  const hiddenStates = [x];
  let seen: Scored | undefined;
  let members = unmerged(x.shape[0], x.shape[1] as number);
  let featureMembers = members;
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    const block = w.at("encoder.layers", i);
    yield* inTurn(block);
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
        prefixTokens,
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
    if (i === featureBlock) [seen, featureMembers] = [attended as Scored, members];
    x = tap(`vision.hidden_states.${i + 1}`, mixChannels(block, residual, vision, tap, i));
    hiddenStates.push(x);
    tf.dispose(i === featureBlock ? [y, attended.y] : [y, attended]);
  }
  const { salience, keys } = seen as Scored;
  return {
    hiddenStates: hiddenStates as tf.Tensor3D[],
    featureStates: states,
    featureBlock,
    salience,
    keys,
    members: featureMembers,
  };
}

type Attended = {
  /** Tokens after the attention and its residual, [I, P+N, D] */
  y: tf.Tensor3D;
  /** [I, N]; undefined in other blocks than that of the features */
  salience: tf.Tensor2D | undefined;
  /** [I, P+N, D], all heads side by side */
  keys: tf.Tensor3D;
};
type Scored = Attended & { salience: tf.Tensor2D };

/** Patches as rows, a class token in front, learned positions added: [I, 3, H, W] → [I, P+N, D]. */
function embedPatches(w: Weights, image: tf.Tensor4D, config: VisionConfig): tf.Tensor {
  const side = config.patchSize;
  const { rows, columns } = patchGrid(config);
  // As in a convolution, pixels that fill no patch are not seen.
  const pixels = image.slice([0, 0, 0, 0], [-1, -1, rows * side, columns * side]);
  const [images, channels] = pixels.shape;
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
  const positions = w.tensor("position_embedding.weight"); // [P+N, D]
  if (config.kind === "siglip") return embedded.add(w.tensor("patch_embedding.bias")).add(positions);
  const classToken = w.tensor("class_embedding").reshape([1, 1, config.hiddenSize]).tile([images, 1, 1]);
  return tf.concat([classToken, embedded], 1).add(positions); // [I, P+N, D]
}

/**
 * The first half of a block: attention around a residual.
 *
 * @param makesFeatures whether stage 1 looks at the attention
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
  const rows = tokenRows(x); // [I·(P+N), D]
  const normed = layerNorm(w.at("layer_norm1"), rows, config.layerNormEps);
  const attention = w.at("self_attn");
  const keys = linear(attention.at("k_proj"), normed);
  // [I, h, P+N, d]
  const q = tap(`vision.${i}.queries`, splitHeads(linear(attention.at("q_proj"), normed), images, heads));
  const k = tap(`vision.${i}.keys`, splitHeads(keys, images, heads));
  const v = tap(`vision.${i}.values`, splitHeads(linear(attention.at("v_proj"), normed), images, heads));
  const sizes = logSizes(members);
  const mask = sizes && (() => sizes); // the same for all queries
  const fromClass = makesFeatures && config.kind === "clip";
  const wanted = { attention: fromClass, received: makesFeatures && !fromClass };
  const attended = attendInParts(q, k, v, mask, tap, `vision.${i}`, wanted);
  const byRows = attentionByRows({ queries: q, keys: k, attention: attended.attention }, mask);
  const output = linear(attention.at("out_proj"), mergeHeads(attended.output)); // [I·(P+N), D]
  const y = rows.add<tf.Tensor2D>(tapRows(tap, `vision.${i}.attention_output`, output, x.shape));
  return {
    y: y.reshape(x.shape as tf.Tensor3D["shape"]),
    salience: fromClass ? clsAttention(byRows, images) : attended.received,
    keys: keys.reshape(x.shape as tf.Tensor3D["shape"]),
  };
}

/** The class token's row without its own column, summed over heads: [I, h, N+1, N+1] by rows → [I, N]. */
function clsAttention(attention: ByRows, images: number): tf.Tensor2D {
  const row = attention(new Array<number[]>(images).fill([0])); // [I, h, 1, N+1]
  return row.slice([0, 0, 0, 1]).squeeze([2]).sum(1);
}

/** The second half: the MLP around a residual. */
function mixChannels(w: Weights, x: tf.Tensor3D, config: VisionConfig, tap: Tap, i: number): tf.Tensor {
  return tf.tidy(() => {
    const rows = tokenRows(x); // [I·(P+N), D]
    const inner = linear(w.at("mlp.fc1"), layerNorm(w.at("layer_norm2"), rows, config.layerNormEps)); // [I·(P+N), 4D]
    const output = linear(w.at("mlp.fc2"), activations[config.hiddenAct](inner)); // [I·(P+N), D]
    return rows.add(tapRows(tap, `vision.${i}.mlp_output`, output, x.shape)).reshape(x.shape);
  });
}
