import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import { type BlockSource, towerBlock } from "../tower-block.ts";
import { layerNorm, linear, meanOf } from "../transformer/layers.ts";
import type { TowerMerge } from "../transformer/merging.ts";
import type { EncodedGrid } from "../vlm.ts";
import type { LlavaConfig } from "./config.ts";
import { mergingTower, type TowerOutput, type TowerSource } from "./tower.ts";

/** {@link TowerSource} with what LLaVA-1.5 does with its output. */
type LlavaSource = Omit<TowerSource, "config"> & { readonly config: LlavaConfig };

/**
 * What LLaVA's tower shows of a batch of images: patches in raster order, the class token apart. Row 0 of every hidden
 * state is the class token; nothing outside this folder knows that.
 *
 * @param pixels [I, 3, H, W], normalised
 */
export function* encode(model: LlavaSource, pixels: tf.Tensor4D, tap: Tap, merge?: TowerMerge): Readback<EncodedGrid> {
  const { vision, imageShape, visionFeatureSelectStrategy } = model.config;
  const seen = yield* mergingTower(model, pixels, tap, merge);
  const { hiddenStates, featureState, featureBlock, classAttention, keys, members } = seen;
  const keepsClass = visionFeatureSelectStrategy === "full";
  const state = hiddenStates[featureState];
  return {
    grid: imageShape.grids[0],
    features: tap("vision.features", keepsClass ? state : withoutClassToken(state)),
    extraTokens: imageShape.extraTokens,
    prefixTokens: 1,
    heads: vision.numAttentionHeads,
    blocks: vision.numHiddenLayers,
    featureBlock,
    fullAttentionBlocks: Array.from({ length: vision.numHiddenLayers }, (_, block) => block),
    meanState: (first, last) => withoutClassToken(meanOf(hiddenStates.slice(first, last + 1))),
    classFeature: state.slice([0, 0, 0], [-1, 1, -1]),
    clsAttention: tap("vision.cls_attention", clsAttention(classAttention)),
    keyNorms: tap("vision.key_norms", withoutClassToken(keys).square().sum(-1).sqrt() as tf.Tensor2D),
    block: (block) => towerBlock({ ...queriesAndKeys(model, seen, block), onGrid: (patches) => patches }),
    members: merge && members.map((rows) => (keepsClass ? rows : rows.slice(1))),
  };
}

/** Queries and keys of any block, computed anew from the hidden state that enters it, the class token first. */
export function queriesAndKeys(
  { config, weights }: TowerSource,
  { hiddenStates }: TowerOutput,
  block: number,
): Omit<BlockSource, "onGrid"> {
  const w = weights.at("vision_tower.vision_model.encoder.layers", block);
  const { queries, keys } = tf.tidy(() => {
    const normed = layerNorm(w.at("layer_norm1"), hiddenStates[block], config.vision.layerNormEps);
    return { queries: linear(w.at("self_attn.q_proj"), normed), keys: linear(w.at("self_attn.k_proj"), normed) };
  });
  return { queries, keys, heads: config.vision.numAttentionHeads, prefixTokens: 1 };
}

/** [I, N+1, D] → [I, N, D] */
export function withoutClassToken(x: tf.Tensor): tf.Tensor3D {
  return x.slice([0, 1, 0]) as tf.Tensor3D;
}

/** The class token's row without its own column, summed over heads: [I, h, 1, N+1] → [I, N]. */
export function clsAttention(row: tf.Tensor4D): tf.Tensor2D {
  return row.slice([0, 0, 0, 1]).squeeze([2]).sum(1);
}
