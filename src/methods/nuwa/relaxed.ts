import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import { best } from "../../core/ranking.ts";
import { gatherRows } from "../../model/transformer/layers.ts";
import { type AlignmentOptions, patchesPerRegion } from "./alignment.ts";
import { regionsOf } from "./separation.ts";

/**
 * **NeuralSort** (Grover, Wang, Zweig and Ermon, "Stochastic Optimization of Sorting Networks via
 * Continuous Relaxations", ICLR 2019, arXiv 1903.08850, Eq. 5): row i is a distribution over the items
 * that tends to the item of rank i, best first, as the temperature t falls to 0:
 *
 * $$ P_i = \operatorname{softmax}\big( ((n + 1 - 2i)\,s - a) / t \big), \qquad
 * a_j = \textstyle\sum_l |s_j - s_l|, \quad i = 1..n $$
 *
 * Why it does: x ↦ (n + 1 − 2i)·x − Σ_l |x − s_l| is concave, has its maximum at the score of rank i and
 * falls on both sides with a slope of at least 1. So an item whose score is d away gets at most e^(−d/t)
 * times the share of the item of rank i. Items with equal scores share alike, at every t.
 *
 * @param scores s, one row per image: [I, n]
 * @param count how many ranks are wanted, from the best
 * @param temperature t, in the unit of the scores
 * @returns [I, count, n]; rows are not negative and sum to 1
 */
export function neuralSort(scores: tf.Tensor2D, count: number, temperature: number): tf.Tensor3D {
  const all = Array.from({ length: scores.shape[1] }, (_, item) => item);
  return tf.tidy(() => sortWithin(scores.div(temperature), [all], count));
}

/** NeuralSort at t = 1 in every group of items alone, at most `count` ranks of each: [I, ranks of all groups, n]. */
function sortWithin(scores: tf.Tensor2D, groups: readonly (readonly number[])[], count: number): tf.Tensor3D {
  const items = scores.shape[1];
  const together = new Float32Array(items * items);
  for (const group of groups) for (const p of group) for (const q of group) together[p * items + q] = 1;
  const rows = groups.flatMap((group) => group.slice(0, count).map((_, rank) => ({ group, rank })));
  const outside = new Float32Array(rows.length * items).fill(Number.NEGATIVE_INFINITY);
  rows.forEach(({ group }, row) => {
    for (const item of group) outside[row * items + item] = 0;
  });
  const difference = scores.expandDims(2).sub(scores.expandDims(1)); // [I, n, n]
  // |x| with the gradient 0 at 0, so that equal scores are pulled alike.
  const apart = tf.relu(difference).add(tf.relu(difference.neg()));
  const spread = apart.mul(tf.tensor2d(together, [items, items])).sum(2); // a, [I, n]
  const slopes = tf.tensor2d(rows.map(({ group, rank }) => [group.length - 1 - 2 * rank])); // [ranks, 1]
  const logits = slopes.mul(scores.expandDims(1)).sub(spread.expandDims(1)); // [I, ranks, n]
  return tf.softmax(logits.add(tf.tensor2d(outside, [rows.length, items])));
}

/** What {@link relaxedAnchors} needs to know besides the scores. */
export interface RelaxationOptions extends AlignmentOptions {
  /** t, in standard deviations of an image's scores; see {@link spreadOf}. */
  readonly temperature: number;
}

/**
 * **Alignment, relaxed**: NeuralSort in every region gives its best n as mixtures of its patches (the
 * candidates), NeuralSort over the candidates' mixed scores the best k of them. Row i tends to the hard
 * selection's i-th patch as the temperature falls to 0, where no two scores are equal. Where patches tie,
 * the hard selection takes the one with the lower index; here they share alike at every temperature.
 *
 * @param salience [I, N]
 * @param values the salience of each image as read out: it orders the rows and sets the unit of the temperature
 * @param indices the hard selection of each image, in raster order, see `alignAnchors`
 * @returns [I, k, N]; rows are not negative, sum to 1 and stand in the order of `indices`
 */
export function relaxedAnchors(
  salience: tf.Tensor2D,
  values: readonly Float32Array[],
  indices: readonly (readonly number[])[],
  grid: Grid,
  { keep, regionSize, leastPerRegion, temperature }: RelaxationOptions,
): tf.Tensor3D {
  const regions = regionsOf(grid, regionSize);
  const ranks = values.map((scores, image) => {
    const order = best(indices[image], scores, keep);
    return indices[image].map((patch) => order.indexOf(patch));
  });
  return tf.tidy(() => {
    const scores = inUnits(salience, values, temperature);
    const candidates = sortWithin(scores, regions, patchesPerRegion(regions, keep, leastPerRegion)); // [I, C, N]
    const mixed = tf.matMul(candidates, scores.expandDims<tf.Tensor3D>(2)).squeeze<tf.Tensor2D>([2]); // [I, C]
    const all = Array.from({ length: mixed.shape[1] }, (_, candidate) => candidate);
    return gatherRows(tf.matMul(sortWithin(mixed, [all], keep), candidates), ranks);
  });
}

/**
 * **Pillars, relaxed**: how far each patch is a pillar, σ((score − θ)/t), with θ the q-quantile of the
 * kept patches' scores. Tends to 0 or 1 as t falls to 0, and is ½ at θ itself, where the hard rule says
 * yes. Differentiable in the scores and in q.
 *
 * @param scores [I, N]
 * @param values the scores of each image as read out
 * @param indices the kept patches of each image
 * @param quantile q in 0..1
 * @param temperature t, in standard deviations of an image's scores
 * @returns [I, N]
 */
export function pillarDegrees(
  scores: tf.Tensor2D,
  values: readonly Float32Array[],
  indices: readonly (readonly number[])[],
  quantile: number | tf.Scalar,
  temperature: number,
): tf.Tensor2D {
  const kept = indices[0].length;
  const ascending = indices.map((patches, image) => best(patches, values[image], kept).reverse());
  return tf.tidy(() => {
    const units = inUnits(scores, values, temperature);
    const sorted = gatherRows(units.expandDims(2), ascending).squeeze<tf.Tensor2D>([2]); // [I, k]
    // Linear interpolation at q·(k−1), written as hat functions so that q has a gradient.
    const offset = tf.range(0, kept).sub(tf.mul(quantile, kept - 1)); // [k]
    const hats = tf.relu(tf.sub(1, tf.relu(offset).add(tf.relu(offset.neg()))));
    return tf.sigmoid(units.sub(sorted.mul(hats).sum(1, true)));
  });
}

/**
 * The value of one tensor with the gradient of another: forward `hard` to the bit, backward as if it
 * were `soft` (Bengio, Léonard and Courville, arXiv 1308.3432). No gradient reaches `hard`.
 */
export function straightThrough<T extends tf.Tensor>(hard: T, soft: T): T {
  const substitute = tf.customGrad(() => ({ value: hard.clone(), gradFunc: (dy: tf.Tensor) => dy }));
  return substitute(soft) as T;
}

/**
 * (score − mean)/(t·standard deviation), with mean and deviation of the image as constants: [I, N]. The
 * mean changes no result; it keeps what is subtracted from one another small, for float32's sake.
 */
function inUnits(scores: tf.Tensor2D, values: readonly Float32Array[], temperature: number): tf.Tensor2D {
  const constants = values.map((own) => ({ mean: meanOf(own), unit: temperature * spreadOf(own) }));
  const [means, units] = [constants.map(({ mean }) => [mean]), constants.map(({ unit }) => [unit])];
  return scores.sub(tf.tensor2d(means)).div(tf.tensor2d(units));
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The standard deviation of some scores, the unit of temperatures; 1 where it is below 1e-20, so that
 * scores that are all but equal do not make gradients overflow.
 */
export function spreadOf(values: Float32Array): number {
  const mean = meanOf(values);
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return spread < 1e-20 ? 1 : spread;
}
