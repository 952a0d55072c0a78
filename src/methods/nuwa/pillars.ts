import type * as tf from "@tensorflow/tfjs";
import { quantile } from "../../core/ranking.ts";
import type { PatchView } from "../method.ts";
import type { NuwaSwitches } from "./variants.ts";

/**
 * **Pillars** (paper, section 3.1, Eq. 4): which of the anchors B stand for themselves only.
 *
 * $$ P = \{ p \in B : \lVert k_p \rVert_2 \ge Q_q(\{ \lVert k_b \rVert_2 : b \in B \}) \} $$
 *
 * Q_q is the q-quantile with linear interpolation at q(k−1). All other anchors are **collectors** and gather
 * what their neighbourhood lost.
 *
 * The paper says: the norm of the key, q = 0.75, the top quartile. The released code does: the salience in its
 * place, q = 0.55, which makes 50 of 112, 101 of 224 and 151 of 336 anchors pillars; in its ablation the L2
 * norm of the feature.
 *
 * @param scores of the anchors of one image, see {@link pillarScores}
 * @param q in [0, 1]
 * @throws UsageError when there are no scores, or q lies elsewhere
 */
export function pillarsOf(scores: readonly number[], q: number): boolean[] {
  return pillarsAmong(scores, quantile(scores, q));
}

/**
 * The comparison in Eq. 4, in float32: an anchor whose score equals the threshold is a pillar.
 *
 * @param scores one per anchor
 */
export function pillarsAmong(scores: readonly number[], threshold: number): boolean[] {
  return scores.map((score) => Math.fround(score) >= threshold);
}

/**
 * What pillars are chosen by: [I, N].
 *
 * @param salience see salienceOf
 */
export function pillarScores(
  { features, keyNorms }: Pick<PatchView, "features" | "keyNorms">,
  salience: tf.Tensor2D,
  pillarScore: NuwaSwitches["pillarScore"],
): tf.Tensor2D {
  if (pillarScore === "salience") return salience;
  return pillarScore === "key-norm" ? keyNorms : features.square().sum<tf.Tensor2D>(-1).sqrt();
}
