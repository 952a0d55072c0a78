import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { type Readback, readback } from "../../core/readback.ts";
import type { Sequence } from "../../core/slots.ts";
import { indicesOf, textBehind } from "../../model/transformer/sequence.ts";
import type { CutView } from "../method.ts";

/**
 * SparseVLM's raters (arXiv 2410.04417, section 3.2): the text tokens behind the image that its visual tokens
 * relate to more than to the average one, by softmax(V·Tᵀ) over the text, mean over the visual tokens.
 *
 * @param entered what entered the decoder, [B, S, Hd]
 * @returns for each sample ranks among the text tokens behind its image; none without an image
 * @throws NuwaError when no text follows an image
 */
export function* chooseRaters({ tokens, sequence }: { tokens: tf.Tensor3D; sequence: Sequence }): Readback<number[][]> {
  const width = tokens.shape[2];
  const raters: number[][] = [];
  for (const [sample, slots] of sequence.entries()) {
    const [visual, text] = [indicesOf(slots, "visual"), textBehind(slots)];
    if (visual.length === 0) {
      raters.push([]);
      continue;
    }
    if (text.length === 0)
      throw new NuwaError("SparseVLM: no text follows the image to rate its tokens. Put the question after it.");
    const own = tokens.slice([sample, 0, 0], [1, -1, -1]).reshape<tf.Tensor2D>([-1, width]);
    const [v, t] = [visual, text].map((indices) => tf.gather(own, tf.tensor1d(indices, "int32")));
    const shares = yield* readback(tf.softmax(tf.matMul(v, t, false, true)).mean(0)); // [T]
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const above = [...shares.keys()].filter((i) => shares[i] > mean);
    // With equal shares none lies above the mean; then all rate.
    raters.push(above.length > 0 ? above : [...shares.keys()]);
  }
  return raters;
}

/**
 * What the raters attend to, mean over heads: for each sample a row for each rater, a column for each visual token.
 *
 * @param attentionRows as in {@link CutView}
 * @param raters as {@link chooseRaters} gives them
 */
export function* attentionOfRaters(
  attentionRows: CutView["attentionRows"],
  sequence: Sequence,
  raters: readonly (readonly number[])[],
): Readback<Float32Array[][]> {
  const rows = sequence.map((slots, sample) => {
    const text = textBehind(slots);
    return raters[sample].map((rater) => text[rater]);
  });
  const seen = attentionRows(rows).mean<tf.Tensor3D>(1); // [B, R, S]
  const [, most, length] = seen.shape;
  const values = yield* readback(seen);
  return sequence.map((slots, sample) => {
    const visual = indicesOf(slots, "visual");
    return rows[sample].map((_, rater) =>
      Float32Array.from(visual, (index) => values[(sample * most + rater) * length + index]),
    );
  });
}
