import * as tf from "@tensorflow/tfjs";
import type { Readback } from "../../core/readback.ts";
import type { Tap } from "../../core/taps.ts";
import { type BlockSource, towerBlock } from "../tower-block.ts";
import { layerNorm, linear, meanOf } from "../transformer/layers.ts";
import type { TowerMerge } from "../transformer/merging.ts";
import type { EncodedGrid } from "../vlm.ts";
import { classTokens, type LlavaConfig } from "./config.ts";
import { mergingTower, type TowerOutput, type TowerSource } from "./tower.ts";

/** {@link TowerSource} with what LLaVA-1.5 does with its output. */
type LlavaSource = Omit<TowerSource, "config"> & { readonly config: LlavaConfig };

/**
 * What LLaVA's tower shows of a batch of images: patches in raster order, a class token apart. Row 0 of every hidden
 * state of CLIP is the class token; nothing outside this folder knows that.
 *
 * @param pixels [I, 3, H, W], normalised
 */
export function* encode(model: LlavaSource, pixels: tf.Tensor4D, tap: Tap, merge?: TowerMerge): Readback<EncodedGrid> {
  const { vision, imageShape, visionFeatureSelectStrategy } = model.config;
  const seen = yield* mergingTower(model, pixels, tap, merge);
  const { hiddenStates, featureBlock, salience, keys, members } = seen;
  const prefixTokens = classTokens(vision);
  const keepsClass = visionFeatureSelectStrategy === "full";
  const state = featuresOf(seen); // [I, P+N, n·D]
  const patches = (x: tf.Tensor) => withoutPrefix(x, prefixTokens);
  return {
    grid: imageShape.grids[0],
    features: tap("vision.features", keepsClass ? state : patches(state)),
    extraTokens: imageShape.extraTokens,
    prefixTokens,
    heads: vision.numAttentionHeads,
    blocks: vision.numHiddenLayers,
    featureBlock,
    fullAttentionBlocks: Array.from({ length: vision.numHiddenLayers }, (_, block) => block),
    meanState: (first, last) => patches(meanOf(hiddenStates.slice(first, last + 1))),
    classFeature: prefixTokens > 0 ? state.slice([0, 0, 0], [-1, 1, -1]) : undefined,
    clsAttention: tap("vision.cls_attention", salience),
    keyNorms: tap("vision.key_norms", patches(keys).square().sum(-1).sqrt() as tf.Tensor2D),
    block: (block) => towerBlock({ ...queriesAndKeys(model, seen, block), onGrid: (x) => x }),
    members: merge && members.map((rows) => (keepsClass ? rows : rows.slice(1))),
  };
}

/** The hidden states that the projector reads, side by side: [I, P+N, n·D]. */
export function featuresOf({ hiddenStates, featureStates }: TowerOutput): tf.Tensor3D {
  const states = featureStates.map((state) => hiddenStates[state]);
  return states.length === 1 ? states[0] : tf.concat(states, 2);
}

/** Queries and keys of any block, computed anew from the hidden state that enters it, a class token first. */
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
  return { queries, keys, heads: config.vision.numAttentionHeads, prefixTokens: classTokens(config.vision) };
}

/** The patches alone: [I, P+N, …] → [I, N, …]. */
export function withoutPrefix(x: tf.Tensor, prefixTokens: number): tf.Tensor3D {
  return x.slice([0, prefixTokens, 0]) as tf.Tensor3D;
}
