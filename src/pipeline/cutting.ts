import * as tf from "@tensorflow/tfjs";
import { type Sequence, visualCounts } from "../core/slots.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import { keepVisual } from "../model/transformer/sequence.ts";
import type { ChosenCut } from "./choosing.ts";

/* What is done with a cut inside the decoder, the same for every method. */

/** Tokens after a cut: those that it does not keep are dropped, and those that it makes are mixed from all. */
export function tokensAfter(x: tf.Tensor3D, sequence: Sequence, cut: ChosenCut): tf.Tensor3D {
  return gatherKept(x, cut, keepVisual(sequence, cut.keep, cut.made).rows);
}

function gatherKept(
  x: tf.Tensor3D,
  { weights }: Pick<ChosenCut, "weights">,
  rows: readonly (readonly number[])[],
): tf.Tensor3D {
  return gatherRows(weights ? tf.concat([x, tf.matMul(weights, x)], 1) : x, rows); // of [B, S + A, Hd]
}

/** A cut that was made, and what it left. */
export interface AppliedCut extends ChosenCut {
  /** [B, S', Hd] */
  readonly x: tf.Tensor3D;
  readonly sequence: Sequence;
}

/**
 * Drops what a cut does not keep and puts the tokens that it makes behind the kept ones of their image.
 *
 * @param entered what entered the decoder
 * @param earlier the cuts made before, which have numbered their new tokens
 */
export function applyCut(
  x: tf.Tensor3D,
  sequence: Sequence,
  cut: ChosenCut,
  entered: Sequence,
  earlier: readonly AppliedCut[],
): AppliedCut {
  const nextRow = visualCounts(entered).map(
    (count, sample) => count + earlier.reduce((sum, { made }) => sum + made[sample].length, 0),
  );
  const kept = keepVisual(sequence, cut.keep, cut.made, nextRow);
  return { ...cut, x: gatherKept(x, cut, kept.rows), sequence: kept.sequence };
}
