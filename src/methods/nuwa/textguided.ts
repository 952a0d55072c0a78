import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { mixedRandom, sampleWithoutReplacement } from "../../core/random-numbers.ts";
import { best, checkScores } from "../../core/ranking.ts";
import type { Sequence } from "../../core/slots.ts";
import { byRows } from "../../model/transformer/attention.ts";
import { normalizeRows } from "../../model/transformer/layers.ts";
import { indicesOf, lastIndex, textBehind } from "../../model/transformer/sequence.ts";
import type { CutView } from "../method.ts";
import type { NuwaSwitches } from "./variants.ts";

/**
 * **Text-guided pruning** (paper, section 3.2, Eqs. 8-9): what every token of a sequence is worth at the cut
 * before decoder layer ℓ. The k₂ visual tokens with the highest scores go on.
 *
 * $$ \bar t = \frac{1}{|T|} \sum_{i \in T} t_i, \qquad
 * s_v = \frac{v \cdot \bar t}{\lVert v \rVert \, \lVert \bar t \rVert} $$
 *
 * The paper says: s_v, in the space that text and visual tokens share; it fixes neither the tensors nor T. Here
 * they are the hidden states entering layer ℓ or the decoder's inputs (`cosineSpace` in variants.ts), and T is
 * the text after the image. The released code does: the attention of the last prompt token in layer ℓ − 1,
 *
 * $$ s_v = \frac{1}{h} \sum_{a=1}^{h} \operatorname{softmax}(q_a k_a^\top / \sqrt{d})_{\text{last}, v} $$
 *
 * @returns [B, S]
 * @throws NuwaError when the score is a cosine and no text follows the image
 */
export function stage2Scores(
  { tokens, entered, attentionRows, sequence }: CutView,
  { stage2, stage2Rows, cosineSpace }: Pick<NuwaSwitches, "stage2" | "stage2Rows" | "cosineSpace">,
): tf.Tensor2D {
  if (stage2 === "attention" && stage2Rows === "last-three") return lastThreeScores(attentionRows, sequence);
  if (stage2 === "attention") return lastTokenScores(attentionRows, sequence);
  // This is the only cut, so that what entered the decoder is still all there.
  return cosineToText(cosineSpace === "hidden" ? tokens : entered.tokens, sequence);
}

/**
 * Stage-2 score of the released code: the attention that the last prompt token pays to every token, in
 * the layer before the cut, mean over heads.
 *
 * @param attention [B, h, S, S], softmaxed
 * @returns [B, S]
 */
export function lastTokenAttention(attention: tf.Tensor4D, sequence: Sequence): tf.Tensor2D {
  return tf.tidy(() => lastTokenScores(byRows(attention), sequence));
}

/**
 * {@link lastTokenAttention} where no more of the attention is computed than the row that it reads.
 *
 * @param attentionRows as in {@link CutView}
 * @returns [B, S]
 */
export function lastTokenScores(attentionRows: CutView["attentionRows"], sequence: Sequence): tf.Tensor2D {
  const rows = attentionRows(sequence.map((slots) => [lastIndex(slots)])); // [B, h, 1, S]
  return tf.tidy(() => rows.squeeze([2]).mean(1));
}

/**
 * Stage-2 score of the released code on Qwen2.5-VL: the attention of the last three prompt tokens, mean over these,
 * then the largest over heads.
 *
 * @param attentionRows as in {@link CutView}
 * @returns [B, S]
 */
export function lastThreeScores(attentionRows: CutView["attentionRows"], sequence: Sequence): tf.Tensor2D {
  const last = sequence.map((slots) => [2, 1, 0].map((before) => lastIndex(slots) - before).filter((at) => at >= 0));
  const rows = attentionRows(last); // [B, h, 3, S]
  return tf.tidy(() => {
    const means = last.map(({ length }, sample) => rows.slice([sample, 0, 0, 0], [1, -1, length, -1]).mean(2));
    return tf.concat(means, 0).max(1); // [B, h, S] → [B, S]
  });
}

/**
 * Stage-2 score of the paper (Eqs. 8-9): cosine between every token and the mean of the text tokens after the
 * image.
 *
 * @param tokens [B, S, Hd]
 * @returns [B, S]
 * @throws NuwaError when no text follows the image
 */
export function cosineToText(tokens: tf.Tensor3D, sequence: Sequence): tf.Tensor2D {
  const averaging = sequence.map((slots) => {
    const after = textBehind(slots);
    if (after.length === 0)
      throw new NuwaError(
        "stage 2: no text follows the image, so there is nothing to compare with. " +
          "Put the question after it, or choose another score.",
      );
    return slots.map((_, index) => (after.includes(index) ? 1 / after.length : 0));
  });
  return tf.tidy(() => {
    const text = tf.matMul(tf.tensor2d(averaging).expandDims<tf.Tensor3D>(1), tokens); // [B, 1, Hd]
    return normalizeRows(tokens).mul(normalizeRows(text)).sum(-1);
  });
}

/**
 * The visual tokens that survive the cut, for each sample: ranks among its visual tokens, ascending.
 * All lists hold `keep` ranks; samples without visual tokens get none.
 *
 * @param scores [B][S] row-major, as read out
 */
export function keepBest(scores: Float32Array, sequence: Sequence, keep: number): number[][] {
  return sequence.map((slots, sample) => {
    const visual = indicesOf(slots, "visual");
    const own = visual.map((index) => scores[sample * slots.length + index]);
    checkScores("stage 2", own);
    return best([...own.keys()], own, keep).sort((a, b) => a - b);
  });
}

/**
 * The paper's ablation (seed 44): `keep` visual tokens at random, the same draw for every sample, so that a batch
 * does not change it.
 */
export function keepRandom(sequence: Sequence, keep: number, seed: number): number[][] {
  return sequence.map((slots) => {
    const total = indicesOf(slots, "visual").length;
    return sampleWithoutReplacement(total, Math.min(keep, total), mixedRandom(seed)).sort((a, b) => a - b);
  });
}
