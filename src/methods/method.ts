import type * as tf from "@tensorflow/tfjs";
import type { Reading } from "../model/reading.ts";
import type { Sequence } from "../model/sequence.ts";
import type { VisionOutput } from "../model/vision.ts";
import type { PositionFunction, PositionPolicy } from "../pruning/positions.ts";
import type { Tap } from "../tap.ts";

/** What a method decides before the projector, for each image of the batch. */
export interface PatchSelection {
  /** Which rows of `VisionOutput.features` are kept, strictly ascending; all lists equally long. */
  readonly indices: readonly (readonly number[])[];
  /** Tokens are mixed from the features by these weights, [I, k, N]; undefined: the rows themselves. */
  readonly weights?: tf.Tensor3D;
  /** Nüwa's two roles, for the record. */
  readonly pillars?: readonly (readonly boolean[])[];
}

/** What a method may look at when it cuts inside the decoder. */
export interface CutView {
  /** Hidden states entering the layer, [B, S, Hd]. */
  readonly tokens: tf.Tensor3D;
  /** What entered the decoder, for the tokens of `sequence`: [B, S, Hd]. */
  readonly embeddings: tf.Tensor3D;
  /** Softmax attention of the layer before, [B, h, S, S]; undefined before layer 0. */
  readonly attention: tf.Tensor4D | undefined;
  readonly sequence: Sequence;
  readonly tap: Tap;
}

/** Which visual tokens survive: for each sample ascending ranks among its visual tokens. */
export type Cut = (view: CutView) => Reading<number[][]>;

/**
 * A pruning method: what it keeps, never how it is removed. Gathering, projecting, position ids, masks,
 * cache lengths and the ledger are the business of the forward pass, once for all methods.
 */
export interface Method {
  readonly name: string;
  readonly positions: PositionPolicy | PositionFunction;
  /** Stage 1: which patches go on, and as which mixtures. */
  readonly selectPatches: (seen: VisionOutput, tap: Tap) => Reading<PatchSelection>;
  /** Later stages: decoder layer → the cut made before it. */
  readonly cuts: ReadonlyMap<number, Cut>;
}
