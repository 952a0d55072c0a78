import type * as tf from "@tensorflow/tfjs";
import type { Grid } from "../core/grid.ts";
import type { Readback } from "../core/readback.ts";
import type { TapLayers } from "../core/tap-points.ts";
import type { Tap } from "../core/taps.ts";
import type { TextConfig } from "./transformer/config.ts";
import type { Members, TowerMerge } from "./transformer/merging.ts";
import type { Weights } from "./weights.ts";

/**
 * What a family may offer beyond features on a grid. A method says which of these it needs, and is refused in one
 * line on a model that lacks one.
 * - `class-attention`: a class token, what it attends to, and its own feature;
 * - `key-norms`: the norm of each patch's key in the block of the features;
 * - `tower-blocks`: queries and keys of any block of the tower;
 * - `merging`: tokens can be merged inside the tower.
 */
export type Capability = "class-attention" | "key-norms" | "tower-blocks" | "merging";

/** What the parameters of a pruning method may depend on: the sizes of a model, not its weights. */
export interface ModelFacts {
  /** The grid of visual tokens that the encoder makes of an image. */
  readonly grid: Grid;
  /** Decoder layers (L). */
  readonly layers: number;
  /** Blocks of the vision tower. */
  readonly visionBlocks: number;
  /** How many blocks of the tower the features go through. */
  readonly featureBlocks: number;
  readonly capabilities: readonly Capability[];
}

/** What every family's configuration says; a family adds its own fields. */
export interface VlmConfig {
  readonly text: TextConfig;
  /** The placeholder in the prompt that the visual tokens replace. */
  readonly imageTokenId: number;
  readonly facts: ModelFacts;
}

/** Queries and keys of one block of the tower with their biases, all heads side by side, [I, P + N, D] each. */
export interface QueriesAndKeys {
  readonly queries: tf.Tensor3D;
  readonly keys: tf.Tensor3D;
}

/**
 * Images after the encoder: I images, N cells of a grid, D wide. What a family does not offer throws a NuwaError when
 * it is asked for, see {@link Capability}.
 */
export interface EncodedImages {
  /** N = rows·columns. */
  readonly grid: Grid;
  /** What the projector reads, [I, E + N, D]: E visual tokens without a cell, then the cells in raster order. */
  readonly features: tf.Tensor3D;
  /** E: 0, or 1 where a class token goes on as a visual token. */
  readonly extraTokens: number;
  /** P: rows of the tower that stand before the patches in every block. */
  readonly prefixTokens: number;
  /** Attention heads of the tower. */
  readonly heads: number;
  /** Blocks of the tower. */
  readonly blocks: number;
  /** The block that made `features`, from 0. */
  readonly featureBlock: number;
  /** The patches' hidden state behind block i − 1 (0: the embeddings), [I, N, D]; i from 0 to `blocks`. */
  readonly patchState: (i: number) => tf.Tensor3D;
  /** The class token of the state of the features, [I, 1, D]. */
  readonly classFeature: tf.Tensor3D;
  /** Attention from the class token in the block of the features, summed over heads: [I, N]. */
  readonly clsAttention: tf.Tensor2D;
  /** L2 norm of each patch's key vector over all heads in that block: [I, N]. */
  readonly keyNorms: tf.Tensor2D;
  /** Queries and keys of a block, from 0, computed anew from the state that enters it. */
  readonly queriesAndKeys: (block: number) => QueriesAndKeys;
  /** Rows of the unmerged tower that each row of `features` is made of, where tokens were merged on the way. */
  readonly members: Members | undefined;
}

/** The weights of a Llama decoder, by part; where they lie in a checkpoint depends on the family. */
export interface DecoderWeights {
  /** Has `weight` [V, Hd]. */
  readonly embedTokens: Weights;
  readonly layer: (i: number) => Weights;
  readonly norm: Weights;
  /** Undefined where it is the transposed token embedding. */
  readonly lmHead: Weights | undefined;
}

/** A vision-language model of any family: its weights, and what it can do with them. */
export interface Vlm<Config extends VlmConfig = VlmConfig> {
  /** As in `model_type` of config.json: "llava". */
  readonly family: string;
  readonly config: Config;
  readonly weights: Weights;
  /** All weights by canonical name; linear weights are [in, out], transposed from the checkpoint's [out, in]. */
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
  readonly tapLayers: TapLayers;
  readonly decoder: DecoderWeights;
  /**
   * From pixels to features.
   *
   * @param pixels [I, 3, H, W], normalised
   * @param merge merges tokens between the attention and the MLP of each block of the tower
   * @throws NuwaError when the pixels have another size than the model sees
   */
  readonly encode: (pixels: tf.Tensor4D, tap: Tap, merge?: TowerMerge) => Readback<EncodedImages>;
  /** From features to token embeddings: [..., D] → [..., Hd]. */
  readonly project: (features: tf.Tensor) => tf.Tensor3D;
  /** Visual tokens of one unpruned image, and how many of them have no cell and come first. */
  readonly unpruned: UnprunedImage;
}

/** The visual tokens of an image where nothing is pruned. */
export interface UnprunedImage {
  readonly total: number;
  readonly extraTokens: number;
}

/** Frees the memory of a model. */
export function disposeModel(model: Pick<Vlm, "tensors">): void {
  for (const tensor of model.tensors.values()) tensor.dispose();
}
