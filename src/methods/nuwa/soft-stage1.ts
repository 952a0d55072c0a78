import * as tf from "@tensorflow/tfjs";
import { type Grid, patchCount } from "../../core/grid.ts";
import { noTap, type Tap } from "../../core/taps.ts";
import type { Anchors } from "./aggregation.ts";
import { pillarDegrees, type RelaxationOptions, relaxedAnchors, straightThrough } from "./relaxed.ts";

/**
 * **Stage 1 with a gradient in its selections**: the aggregation weights of the hard path's anchors, with
 * alignment and pillars relaxed.
 *
 * $$ \hat W^{soft} = R \cdot \hat W(\text{all patches, degrees } \pi) $$
 *
 * R mixes the anchors from all N patches ({@link relaxedAnchors}), π says how far each patch is a pillar
 * ({@link pillarDegrees}), and Ŵ are Eqs. 5-7 with every patch as an anchor. Neither the paper nor the released
 * code has it. `relaxed` uses these weights; `straight-through` the hard ones, to the bit, with their gradient.
 *
 * @param anchors what the hard path chose
 * @param read the scores that it chose by
 * @param weigh Eqs. 5-7 for given anchors
 * @returns [I, k, N]
 */
export function softWeights(
  anchors: Anchors,
  { salience, pillarScore }: { readonly salience: ReadScores; readonly pillarScore: ReadScores },
  weigh: (anchors: Anchors, tap: Tap) => tf.Tensor3D,
  { grid, selection, pillarQuantile, ...options }: SoftOptions,
  tap: Tap,
): tf.Tensor3D {
  const { indices } = anchors;
  const soft = (seenBy: Tap) => {
    // Every patch as an anchor, [I, N, N]; of these the mixtures that the relaxed ranking takes.
    const everywhere = indices.map(() => Array.from({ length: patchCount(grid) }, (_, p) => p));
    const { scores, values } = pillarScore;
    const degrees = pillarDegrees(scores, values, indices, pillarQuantile, options.temperature);
    const mixtures = relaxedAnchors(salience.scores, salience.values, indices, grid, options); // [I, k, N]
    return tf.matMul<tf.Tensor3D>(mixtures, weigh({ indices: everywhere, pillars: degrees }, seenBy));
  };
  if (selection === "relaxed") return soft(tap);
  return straightThrough(weigh(anchors, tap), soft(noTap));
}

/** Scores of all patches, [I, N], and what was read out of them, image by image. */
export interface ReadScores {
  readonly scores: tf.Tensor2D;
  readonly values: readonly Float32Array[];
}

/** How soft a selection is; the temperature is that of both relaxations. */
export interface SoftOptions extends RelaxationOptions {
  readonly grid: Grid;
  readonly selection: Exclude<SelectionKind, "hard">;
  /** q, see Stage1Constants. */
  readonly pillarQuantile: number | tf.Scalar;
}

/** How a selection is made: by indices alone, or so that gradients pass through it. */
export const SELECTIONS = ["hard", "straight-through", "relaxed"] as const;

/** A member of {@link SELECTIONS}. */
export type SelectionKind = (typeof SELECTIONS)[number];
