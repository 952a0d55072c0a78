import type * as tf from "@tensorflow/tfjs";
import { attentionReceived } from "./transformer/attention.ts";
import { splitHeads, tokenRows } from "./transformer/layers.ts";

/**
 * One block of a vision tower as methods may read it, computed anew from the state that enters it. N patches, or cells
 * of merged patches, in the order of the grid.
 */
export interface TowerBlock {
  /** Keys with their biases, all heads side by side, before any rotary positions: [I, N, D]. */
  readonly keys: tf.Tensor3D;
  /** Attention that each patch receives, mean over heads and over all tokens that pay it: [I, N]. */
  readonly received: () => tf.Tensor2D;
  /**
   * Attention with all heads as one of full width, softmax(QKᵀ/√D): what the class token pays to each patch or, in a
   * family without a class token, what each patch receives, mean over the patches that pay it: [I, N].
   */
  readonly singleHead: () => tf.Tensor2D;
}

/** What {@link towerBlock} is made from: T images or tiles of P class tokens and M patches. */
export interface BlockSource {
  /** As they meet in the attention, all heads side by side: [T, P + M, D]. */
  readonly queries: tf.Tensor3D;
  readonly keys: tf.Tensor3D;
  /** Keys before rotary positions, where the tower has such. */
  readonly plainKeys?: tf.Tensor3D;
  readonly heads: number;
  /** P: 1, or 0 without a class token. */
  readonly prefixTokens: number;
  /** From patches to the grid that is shown: [T, M, …] → [I, N, …]. */
  readonly onGrid: <T extends tf.Tensor>(patches: T) => T;
}

/** A {@link TowerBlock} from queries and keys. */
export function towerBlock(source: BlockSource): TowerBlock {
  const { queries, keys, plainKeys = keys, heads, prefixTokens, onGrid } = source;
  const [images] = keys.shape;
  return {
    keys: onGrid(plainKeys.slice([0, prefixTokens, 0])),
    received: () => {
      const [q, k] = [queries, keys].map((x) => splitHeads(tokenRows(x), images, heads)); // [T, h, P + M, d]
      return onGrid(meanReceived(q, k).slice([0, prefixTokens]));
    },
    singleHead: () => {
      const payers = prefixTokens > 0 ? queries.slice([0, 0, 0], [-1, prefixTokens, -1]) : queries;
      const [q, k] = [payers, keys].map((x) => splitHeads(tokenRows(x), images, 1)); // one head of width D
      return onGrid(meanReceived(q, k).slice([0, prefixTokens]));
    },
  };
}

/** The attention that each key receives, mean over heads and queries: [T, P + M]. */
function meanReceived(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor2D {
  return attentionReceived(q, k).div(q.shape[2]);
}
