import * as tf from "@tensorflow/tfjs";
import { type Grid, largestSquaredDistance, patchCount, squaredDistance } from "../../core/grid.ts";
import type { Tap } from "../../core/taps.ts";
import { gatherRows, normalizeRows } from "../../model/transformer/layers.ts";
import type { EncodedGrid } from "../../model/vlm.ts";
import type { Normalisation, NuwaSwitches } from "./variants.ts";

/**
 * **Aggregation** (paper, section 3.1, step 3, Eqs. 5-7): for each anchor i the weights over all patches j of
 * its image that its token is mixed from.
 *
 * $$ A_{ij} = \operatorname{ReLU}(\cos(X_i, X_j)) \tag{5} $$
 *
 * $$ P_{ij} = 1 - \min(1, d_{ij} / \tau) \tag{6} $$
 *
 * $$ W_{ij} = A_{ij} P_{ij} \text{ for collectors}, \quad W_{ij} = \delta_{ij} \text{ for pillars}, \qquad
 * \hat W_{ij} = W_{ij} / \textstyle\sum_j W_{ij} \tag{7} $$
 *
 * A is how alike two patches look, P how near they are, d the Euclidean distance in grid units. The new token
 * is Σ_j Ŵ_ij V_j, see {@link aggregate}.
 *
 * The paper says: P with max in place of min (Eq. 6), which would never be positive: a misprint; Ŵ as above.
 * The released code does: min; Ŵ = W/(Σ W + 1e-8), and then Ŵ_ii = 1, so that a collector's row sums to
 * 2 − 1/s with s = Σ_j W_ij, a pillar's to 1. See `normalisation` in variants.ts.
 *
 * Where the pillars are given as degrees p, an anchor's row before the division is (1 − p)·A·P + p·δ.
 * Differentiable in the features, the degrees, τ and the sharpness.
 *
 * @param features X, see {@link similarityFeatures}: [I, N, D]
 * @param distanceThreshold τ in grid units
 * @param sharpness A_ij counts as a power of itself with this exponent, above 0; 1 in the paper and in the code
 * @returns [I, k, N]
 */
export function aggregationWeights(
  features: tf.Tensor3D,
  { indices, pillars }: Anchors,
  grid: Grid,
  distanceThreshold: number | tf.Scalar,
  normalisation: Normalisation,
  tap: Tap,
  sharpness: number | tf.Scalar = 1,
): tf.Tensor3D {
  const unit = normalizeRows(features) as tf.Tensor3D;
  const cosine = tf.matMul(gatherRows(unit, indices), unit, false, true); // [I, k, N]
  const similarity = sharpened(tap("stage1.similarity", tf.relu(cosine)), sharpness);
  const distance = distances(grid, indices); // [I, k, N]
  const proximity = tf.relu(tf.sub(1, distance.div(distanceThreshold)));
  // A patch is exactly like itself, also where rounding or a zero vector says otherwise.
  const self = distance.equal(0).toFloat();
  const others = tf.sub(1, self);
  const collects = collecting(pillars).expandDims(2); // [I, k, 1]
  const raw = similarity.mul(proximity).mul(others).mul(collects).add(self);
  const sums = raw.sum(-1, true); // [I, k, 1], at least 1
  if (normalisation === "sum-to-one") return raw.div(sums);
  return raw.div(sums.add(1e-8)).mul(others).add(self);
}

/** What the kept patches are, for each image: k patches in raster order and which of them are pillars. */
export interface Anchors {
  readonly indices: readonly (readonly number[])[];
  /** Yes or no; or, where the boundary is soft, how far each is one: degrees of 0..1 in a tensor [I, k]. */
  readonly pillars: readonly (readonly boolean[])[] | tf.Tensor2D;
}

/** x^s for x ≥ 0. Where x is 0 so is the result, and its gradient: there ReLU has cut the cosine off. */
function sharpened(x: tf.Tensor, sharpness: number | tf.Scalar): tf.Tensor {
  if (sharpness === 1) return x;
  const positive = tf.step(x);
  // Where x is 0 the power is taken of 1: its slope at 0 may be infinite, and infinity times 0 is NaN.
  return x.add(tf.sub(1, positive)).pow(sharpness).mul(positive);
}

/** How far each kept patch collects, 1 − its degree as a pillar: [I, k]. */
function collecting(pillars: Anchors["pillars"]): tf.Tensor2D {
  if (pillars instanceof tf.Tensor) return tf.sub(1, pillars);
  return tf.tensor2d(pillars.map((row) => row.map((pillar) => (pillar ? 0 : 1))));
}

/**
 * X in Eq. 5, the features that similarity is measured on: [I, N, D].
 *
 * The paper says: features of the tower. The released code does: the mean of the hidden states of the last third of
 * the tower, hs[⌊2L/3⌋..L], patches only; on Qwen2.5-VL the mean of the outputs of the blocks from the first to the
 * last but one that attend over everything, merged.
 *
 * @param states which states are averaged, see `similarStates` in variants.ts
 */
export function similarityFeatures(
  { blocks, fullAttentionBlocks, meanState }: Pick<EncodedGrid, "blocks" | "fullAttentionBlocks" | "meanState">,
  states: NuwaSwitches["similarStates"],
): tf.Tensor3D {
  if (states === "last-third") return meanState(Math.floor((2 * blocks) / 3), blocks);
  const [first, last] = [fullAttentionBlocks[0], fullAttentionBlocks.at(-2) ?? fullAttentionBlocks[0]];
  return meanState(first + 1, last + 1);
}

/** Mixes patch features by weights, Ŵ·V: [I, k, N] × [I, N, D] → [I, k, D]. */
export function aggregate(weights: tf.Tensor3D, features: tf.Tensor3D): tf.Tensor3D {
  return tf.matMul(weights, features);
}

/** Distance of each kept patch to every patch, in grid units: [I, k, N]. */
function distances(grid: Grid, indices: Anchors["indices"]): tf.Tensor3D {
  const [images, kept, total] = [indices.length, indices[0].length, patchCount(grid)];
  const values = new Float32Array(images * kept * total);
  let at = 0;
  for (const p of indices.flat()) {
    for (let q = 0; q < total; q++) values[at++] = Math.sqrt(squaredDistance(grid, p, q));
  }
  return tf.tensor3d(values, [images, kept, total]);
}

/** f of LLaVA-1.5, see {@link distanceThreshold}. */
export const DISTANCE_FRACTION = 280 / 1058;

/**
 * τ in grid units, at least 1, so that a grid of one row works.
 *
 * $$ \tau^2 = f \cdot ((H-1)^2 + (W-1)^2) $$
 *
 * The paper says: 26 % of the largest distance, which is a ratio of squares, as are the labels of Table 7. The
 * released code does: τ² = 280 on 24×24, whose largest squared distance is 1058, so that f = 280/1058.
 *
 * @param fraction a scalar tensor where a gradient is wanted; τ is then one too
 */
export function distanceThreshold(grid: Grid, fraction?: number): number;
export function distanceThreshold(grid: Grid, fraction?: number | tf.Scalar): number | tf.Scalar;
export function distanceThreshold(grid: Grid, fraction: number | tf.Scalar = DISTANCE_FRACTION): number | tf.Scalar {
  const largest = largestSquaredDistance(grid);
  if (typeof fraction === "number") return Math.sqrt(Math.max(1, fraction * largest));
  return tf.relu(fraction.mul(largest).sub(1)).add(1).sqrt() as tf.Scalar;
}

/**
 * The grid that the threshold is a fraction of: the grid itself, the image's first one (LLaVA-NeXT's released
 * script), or the grid with both sides rounded up to even numbers (Qwen2.5-VL's, which measures on its padded grid).
 */
export function distanceGrid(
  which: NuwaSwitches["distanceGrid"],
  { grid, image }: { readonly grid: Grid; readonly image: { readonly grids: readonly Grid[] } },
): Grid {
  if (which === "first") return image.grids[0];
  const even = (side: number) => side + (side % 2);
  return which === "even" ? { rows: even(grid.rows), columns: even(grid.columns) } : grid;
}
