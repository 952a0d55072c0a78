import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { mixedRandom, sampleWithoutReplacement } from "../../core/random.ts";
import { best, checkScores } from "../../core/ranking.ts";
import type { Sequence } from "../../core/slots.ts";
import { normalizeRows } from "../../model/transformer/layers.ts";
import { lastPlace, placesOf, tokenCount } from "../../model/transformer/sequence.ts";

/**
 * Stage-2 score of the released code: the attention that the last prompt token pays to every token, in
 * the layer before the cut, mean over heads.
 *
 * @param attention [B, h, S, S], softmaxed
 * @returns [B, S]
 */
export function lastTokenAttention(attention: tf.Tensor4D, sequence: Sequence): tf.Tensor2D {
  const [, heads, , keys] = attention.shape;
  const rows = sequence.map((slots, sample) => attention.slice([sample, 0, lastPlace(slots), 0], [1, heads, 1, keys]));
  return tf.concat(rows, 0).squeeze([2]).mean(1);
}

/**
 * Stage-2 score of the paper (Eqs. 8-9): cosine between every token and the mean of the text tokens
 * after the image. The paper does not say which tensors; see `cosineSpace` in nuwa.ts.
 *
 * @param tokens [B, S, Hd]
 * @returns [B, S]
 * @throws NuwaError when no text follows the image
 */
export function cosineToText(tokens: tf.Tensor3D, sequence: Sequence): tf.Tensor2D {
  const averaging = sequence.map((slots) => {
    const lastVisual = placesOf(slots, "visual").at(-1) ?? -1;
    const after = placesOf(slots, "text").filter((place) => place > lastVisual);
    if (after.length === 0)
      throw new NuwaError(
        "stage 2: no text follows the image, so there is nothing to compare with. Put the question after it, or choose another score.",
      );
    return slots.map((_, place) => (after.includes(place) ? 1 / after.length : 0));
  });
  const text = tf.matMul(tf.tensor2d(averaging).expandDims<tf.Tensor3D>(1), tokens); // [B, 1, Hd]
  return normalizeRows(tokens).mul(normalizeRows(text)).sum(-1);
}

/**
 * Products (a multiplication with its addition each) of {@link cosineToText} for each sample: the weights of the
 * mean, 1 × S, with its tokens, S × Hd. The cosines are then taken elementwise.
 */
export function cosineProducts(sequence: Sequence, hiddenSize: number): number[] {
  return sequence.map((slots) => tokenCount(slots) * hiddenSize);
}

/**
 * The visual tokens that survive the cut, for each sample: ranks among its visual tokens, ascending.
 * All lists hold `keep` ranks; samples without visual tokens get none.
 *
 * @param scores [B][S] row-major, as read out
 */
export function keepBest(scores: Float32Array, sequence: Sequence, keep: number): number[][] {
  return sequence.map((slots, sample) => {
    const visual = placesOf(slots, "visual");
    const own = visual.map((place) => scores[sample * slots.length + place]);
    checkScores("stage 2", own);
    return best([...own.keys()], own, keep).sort((a, b) => a - b);
  });
}

/** The ablation: `keep` visual tokens at random, the same draw for every sample, so that a batch does not change it. */
export function keepRandom(sequence: Sequence, keep: number, seed: number): number[][] {
  return sequence.map((slots) => {
    const total = placesOf(slots, "visual").length;
    return sampleWithoutReplacement(total, Math.min(keep, total), mixedRandom(seed)).sort((a, b) => a - b);
  });
}
