import * as tf from "@tensorflow/tfjs";
import type { Visit } from "../core/taps.ts";
import { indicesOf } from "../model/transformer/sequence.ts";
import type { Measure } from "./measure.ts";

/**
 * **Visual attention entropy of the tower** (paper, section 2.1, Eq. 1), in bits, block by block. Ā is the mean of the
 * attention over heads, without the class token's row and column and with a diagonal of 0:
 *
 * $$ p_{ij} = \bar A_{ij} / \textstyle\sum_{l \ne i} \bar A_{il}, \qquad H = \frac{1}{N} \sum_i
 * \Big( -\sum_{j \ne i} p_{ij} \log_2 p_{ij} \Big) $$
 *
 * The largest possible is log₂(N − 1); inside windows of w patches log₂(w − 1). The paper fixes neither the diagonal
 * nor the order: here heads are averaged first. Of an image in tiles it is the mean over all patches of all tiles.
 *
 * @returns a number for each block
 */
export function towerEntropy(): Measure<Float32Array> {
  return ({ tapLayers: { vision: blockCount } }, watch) => {
    const blocks = Array.from({ length: blockCount }, (_, i) => watch.at(`vision.${i}.attention`, entropyOfBlock));
    return async () => Float32Array.from(await Promise.all(blocks.map(async (block) => (await block())[0][0])));
  };
}

/**
 * **Visual attention entropy of the decoder** (Eq. 1), in bits, layer by layer: of each visual token over those before
 * it, mean over the visual tokens that a layer holds from the second on. A token that pays nothing to others counts
 * 0, and so does a layer with fewer than two visual tokens.
 *
 * @returns a number for each layer
 */
export function decoderEntropy(): Measure<Float32Array> {
  return ({ tapLayers }, watch) => {
    const layers = Array.from({ length: tapLayers.llm }, (_, i) => watch.at(`llm.${i}.attention`, entropyOfLayer));
    return async () => Float32Array.from(await Promise.all(layers.map(async (layer) => (await layer())[0][0])));
  };
}

/** Patches over which the tower attends, of which a family may merge several into a cell: N of {@link towerEntropy}. */
export function towerPatches(): Measure<number> {
  return (_, watch) => {
    const counts = watch.at("vision.0.attention", ({ shape }, { prefixTokens = 0 }) =>
      tf.scalar((shape[2] as number) - prefixTokens),
    );
    return async () => (await counts())[0][0];
  };
}

/** @param attention [I, h, P, P], or [I, h, P, w] inside windows */
function entropyOfBlock(attention: tf.Tensor, { prefixTokens = 0, windows }: Visit): tf.Tensor {
  const mean = attention.mean(1); // [I, P, P]
  const [, rows, columns] = mean.shape;
  const patches = mean.slice([0, prefixTokens, prefixTokens]); // [I, N, N]
  const [count, width] = [rows - prefixTokens, columns - prefixTokens];
  const others = new Float32Array(count * width).fill(1);
  let row = 0;
  for (const length of windows ?? [count])
    for (let own = 0; own < length && row < count; own++) others[row++ * width + own] = 0;
  return entropies(patches.mul(tf.tensor2d(others, [count, width]))).mean();
}

/** @param attention [1, h, S, S] */
function entropyOfLayer(attention: tf.Tensor, { sequence = [] }: Visit): tf.Tensor {
  const visual = indicesOf(sequence[0], "visual");
  if (visual.length < 2) return tf.scalar(0);
  const rows = tf.tensor1d(visual, "int32");
  const among = tf.gather(tf.gather(attention.mean(1).squeeze([0]), rows, 0), rows, 1); // [N, N]
  const before = tf.tensor2d(visual.map((_, i) => visual.map((_, j) => Number(j < i))));
  return entropies(among.mul(before))
    .sum()
    .div(visual.length - 1);
}

/** Entropy in bits of rows that are divided by their sums; 0 of a row of zeros: [..., N] → [...]. */
function entropies(rows: tf.Tensor): tf.Tensor {
  const sums = rows.sum(-1, true);
  const shares = rows.div(sums.add(sums.equal(0).cast("float32")));
  // 0·log 0 = 0: the least normal number stands in for zero inside the logarithm.
  return shares.mul(shares.maximum(1.2e-38).log()).sum(-1).div(-Math.LN2);
}
