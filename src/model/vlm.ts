import type * as tf from "@tensorflow/tfjs";
import type { Grid } from "../core/grid.ts";
import type { Readback } from "../core/readback.ts";
import type { TapLayers } from "../core/tap-points.ts";
import type { Tap } from "../core/taps.ts";
import type { Turns } from "../core/turns.ts";
import type { ImageShape } from "./image-shape.ts";
import type { TowerBlock } from "./tower-block.ts";
import type { TextConfig } from "./transformer/config.ts";
import type { DecoderWeights } from "./transformer/decoder-weights.ts";
import type { Members, TowerMerge } from "./transformer/merging.ts";
import type { Weights } from "./weights.ts";

/**
 * What a family may offer beyond features on a grid. A method says which of these it needs, and is refused in one
 * line on a model that lacks one.
 * - `class-attention`: a score of each patch by attention: what the class token pays to it or, in a family without a
 *   class token, what it receives;
 * - `key-norms`: the norm of each patch's key in the block of the features;
 * - `tower-blocks`: keys and attention of any block of the tower that attends over everything;
 * - `merging`: tokens can be merged inside the tower.
 */
export type Capability = "class-attention" | "key-norms" | "tower-blocks" | "merging";

/** The sizes of a model, which the parameters of a pruning method may depend on. */
export interface ModelFacts {
  /** Decoder layers (L). */
  readonly layers: number;
  /** Blocks of the vision tower. */
  readonly visionBlocks: number;
  /** How many blocks of the tower the features go through. */
  readonly featureBlocks: number;
  readonly capabilities: readonly Capability[];
  /** Patches of the tower that a visual token is merged of; 1 unless given. */
  readonly patchesPerToken?: number;
}

/** What every family's configuration says; a family adds its own fields. */
export interface VlmConfig {
  /** As in `model_type` of config.json: "llava". */
  readonly family: string;
  readonly text: TextConfig;
  /** The placeholder in the prompt that the visual tokens replace. */
  readonly imageTokenId: number;
  readonly facts: ModelFacts;
  /** What every image becomes; undefined where that depends on the size of the image. */
  readonly imageShape: ImageShape | undefined;
}

/** The images of a batch, as the family's preprocessing makes them. */
export interface ImageInputs {
  /** `pixel_values`, normalised. LLaVA-1.5: [I, 3, H, W], or [3, H, W] for one image. */
  readonly pixels: tf.Tensor;
  /** What else the preprocessing says of each image, such as `image_sizes`; LLaVA-1.5 needs nothing. */
  readonly sizes?: readonly (readonly number[])[];
  /** Where the pixels come from, for errors. */
  readonly origin?: string;
}

/** Images of a batch, of whose pixels only the shape is known. */
export interface ImageSizes extends Pick<ImageInputs, "sizes" | "origin"> {
  readonly pixels: { readonly shape: readonly number[] };
}

/**
 * Equal grids of I images after the encoder: N cells, D wide. What a family does not offer throws a NuwaError when it
 * is asked for, see {@link Capability}.
 */
export interface EncodedGrid {
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
  /** Blocks that attend over the whole image, ascending. */
  readonly fullAttentionBlocks: readonly number[];
  /**
   * The patches' mean hidden state over states `first` to `last`, state i being that behind block i − 1 (0: the
   * embeddings), in the space of `features`: [I, N, D].
   */
  readonly meanState: (first: number, last: number) => tf.Tensor3D;
  /** The class token of the state of the features, [I, 1, D]; undefined where a grid has no class token of its own. */
  readonly classFeature: tf.Tensor3D | undefined;
  /**
   * Attention from the class token in the block of the features, summed over heads; without a class token the attention
   * that each patch receives: [I, N].
   */
  readonly clsAttention: tf.Tensor2D;
  /** L2 norm of each patch's key vector over all heads in that block: [I, N]. */
  readonly keyNorms: tf.Tensor2D;
  /** A block from 0; of those of `fullAttentionBlocks`. */
  readonly block: (block: number) => TowerBlock;
  /** Rows of the unmerged tower that each row of `features` is made of, where tokens were merged on the way. */
  readonly members: Members | undefined;
}

/** Images of one shape after the encoder. */
export interface EncodedImages {
  /** Which images of the batch, I of them. */
  readonly images: readonly number[];
  readonly shape: ImageShape;
  /** For each grid of the shape what the encoder made of it in all of these images. */
  readonly grids: readonly EncodedGrid[];
}

/** A vision-language model of any family: its weights, and what it can do with them. */
export interface Vlm<Config extends VlmConfig = VlmConfig> {
  readonly config: Config;
  readonly weights: Weights;
  /**
   * The weights that are held in memory, by canonical name, in the shapes of the checkpoint: linear weights are
   * [out, in]. All of them, unless the model was loaded with less memory than it needs.
   */
  readonly tensors: ReadonlyMap<string, tf.Tensor>;
  readonly tapLayers: TapLayers;
  readonly decoder: DecoderWeights;
  /** The embedding of separators, [Hd]; undefined where images have none. */
  readonly separator?: tf.Tensor;
  /** What each image of a batch becomes. @throws NuwaError when the pixels have another size than the model sees */
  readonly shapesOf: (images: ImageSizes) => readonly ImageShape[];
  /**
   * From pixels to features; images of one shape are encoded together.
   *
   * @param merge merges tokens between the attention and the MLP of each block of the tower
   * @throws NuwaError when the pixels have another size than the model sees
   */
  readonly encode: (images: ImageInputs, tap: Tap, merge?: TowerMerge) => Readback<readonly EncodedImages[]>;
  /** From features to token embeddings: [..., D] → [..., Hd]. */
  readonly project: (features: tf.Tensor) => tf.Tensor3D;
  /** Shares layers that are read when they are needed among passes that run side by side; undefined where none are. */
  readonly turns?: Pick<Turns<unknown>, "most" | "together">;
  /** Ends what reads the weights that are not held; undefined where all are. */
  readonly release?: () => void;
}

/** Frees the memory of a model. */
export function disposeModel({ tensors, release }: Pick<Vlm, "tensors" | "release">): void {
  for (const tensor of tensors.values()) tensor.dispose();
  release?.();
}
