import * as tf from "@tensorflow/tfjs";
import { dot } from "../core/dot.ts";
import { UsageError } from "../core/errors.ts";
import { checkScores, indexOfLargest } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import type { Sequence } from "../core/slots.ts";
import { normalizeRows } from "../model/transformer/layers.ts";
import { indicesOf, textBehind } from "../model/transformer/sequence.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage, unitVectors } from "./patches.ts";

/** Parameters of {@link cdpruner}. */
export interface CdprunerOptions {
  /** How many visual tokens go on. */
  readonly keep: number;
  /**
   * Whether the tokens are relevant that are unlike the text (`negative`, the default) or like it. The released code
   * takes the negative, because patches of what is asked for are less like it in CLIP's space; whether that holds in
   * the decoder's space is open.
   */
  readonly sign?: "negative" | "positive";
  /** θ in [0, 1), commented out in the released code: q becomes exp(θ/(2(1 − θ))·q). None by default. */
  readonly theta?: number;
  readonly positions?: PositionPolicy;
}

/**
 * CDPruner with relevance in the decoder's space: tokens that are relevant to the question and unlike each other, see
 * {@link determinantalPoints}. Chosen before the first layer, where visual tokens and the question stand in one
 * sequence.
 *
 * **Not the published method.** That takes relevance from CLIP, by the text tower and the visual projection, which
 * no checkpoint of LLaVA has. Here, as in Intel's OpenVINO port, relevance is the mean cosine of a token with the input
 * embeddings of the text, negative as published; the text is what follows the image.
 *
 * Source: Zhang et al., "Beyond Attention or Similarity: Maximizing Conditional Diversity for Token Pruning in MLLMs",
 * NeurIPS 2025, arXiv 2506.10967; released code: github.com/Theia-4869/CDPruner. There, more tokens than the features
 * have dimensions, or equal relevance, give NaN and a token that is chosen again and again.
 *
 * @throws UsageError when θ lies outside of [0, 1)
 */
export function cdpruner({ keep, sign = "negative", theta, positions = "compressed" }: CdprunerOptions): Method {
  if (theta !== undefined && !(theta >= 0 && theta < 1))
    throw new UsageError(`CDPruner: theta ${theta} does not lie in [0, 1).`);
  return {
    name: "cdpruner",
    positions,
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map([
      [
        0,
        function* ({ tokens, sequence, tap }) {
          const likeness = textLikeness(tokens, sequence); // [B, S]
          const relevance = tap("stage2.scores", sign === "negative" ? likeness.neg() : likeness);
          const scores = perImage(yield* readback(relevance), sequence[0].length);
          const values = yield* readback(tokens); // [B, S, Hd]
          const width = tokens.shape[2];
          const keptOf = (sample: number) => {
            const visual = indicesOf(sequence[sample], "visual");
            if (visual.length === 0) return [];
            const rows = visual.map((at) => {
              const start = (sample * sequence[sample].length + at) * width;
              return values.subarray(start, start + width);
            });
            const own = Float32Array.from(visual, (at) => scores[sample][at]);
            const units = unitVectors(joined(rows, width), visual.length);
            return determinantalPoints(units, qualityOf(own, theta), Math.min(keep, visual.length));
          };
          return { keep: sequence.map((_, sample) => keptOf(sample).sort((a, b) => a - b)) };
        },
      ],
    ]),
  };
}

function joined(rows: readonly Float32Array[], width: number): Float32Array {
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    all.set(row, i * width);
  });
  return all;
}

/** Mean cosine of every token with the text after the image, [B, S, Hd] → [B, S]; 0 where no text follows. */
function textLikeness(tokens: tf.Tensor3D, sequence: Sequence): tf.Tensor2D {
  const averaging = sequence.map((slots) => {
    const after = textBehind(slots);
    return slots.map((_, index) => (after.includes(index) ? 1 / after.length : 0));
  });
  return tf.tidy(() => {
    const units = normalizeRows(tokens) as tf.Tensor3D;
    const text = tf.matMul(tf.tensor2d(averaging).expandDims<tf.Tensor3D>(1), units); // [B, 1, Hd]
    return units.mul(text).sum(-1);
  });
}

/** What the released code adds to relevance before it is brought to [0, 1]. */
const LEAST = 1e-6;

/**
 * The quality of each token: q = (relevance − min + 1e-6)/(max − min), from next to 0 to 1. Where all are equally
 * relevant all have quality 1, so that likeness alone decides.
 *
 * @param theta θ, see {@link CdprunerOptions}
 */
export function qualityOf(relevance: Float32Array, theta?: number): number[] {
  checkScores("CDPruner's relevance", relevance);
  const [least, most] = [Math.min(...relevance), Math.max(...relevance)];
  const quality = Array.from(relevance, (value) => (most > least ? (value - least + LEAST) / (most - least) : 1));
  return theta === undefined ? quality : quality.map((q) => Math.exp((theta / (2 * (1 - theta))) * q));
}

/** The squared distance from the span of others below which a unit vector lies in it, but for rounding of float32. */
const IN_SPAN = 1e-10;

/**
 * Greedy choice of a set that is likely under a determinantal point process, whose kernel is L_ij = q_i S_ij q_j, S
 * being cosines: each time the token that multiplies the determinant of the chosen ones most.
 *
 * $$ j = \arg\max_i \; q_i^2 \, d_i, \qquad d_i \leftarrow d_i - e_i^2, \qquad
 * e_i = \frac{S_{ji} - \sum_{s} c_{si} c_{sj}}{\sqrt{d_j}} $$
 *
 * d_i is the squared distance of a token from the span of those that were chosen, 1 at first; the e of each step are
 * the next row c of the Cholesky factor. Tokens in the span add nothing; they come last, the lower index first.
 *
 * @param units tokens of unit length
 * @param quality q of each
 * @returns indices in the order in which they were chosen
 */
export function determinantalPoints(
  units: readonly Float64Array[],
  quality: readonly number[],
  count: number,
): number[] {
  const distance = Float64Array.from(units, (unit) => (unit.some((value) => value !== 0) ? 1 : 0));
  const factor: Float64Array[] = [];
  const gains = Float64Array.from(units, (_, i) => quality[i] ** 2 * distance[i]);
  const chosen: number[] = [];
  while (chosen.length < count) {
    const next = indexOfLargest(gains);
    chosen.push(next);
    if (distance[next] > IN_SPAN) {
      const root = Math.sqrt(distance[next]);
      const row = Float64Array.from(units, (unit, i) => {
        const spanned = factor.reduce((sum, earlier) => sum + earlier[i] * earlier[next], 0);
        return (dot(units[next], unit) - spanned) / root;
      });
      factor.push(row);
      for (let i = 0; i < units.length; i++) {
        distance[i] -= row[i] ** 2;
        gains[i] = distance[i] > IN_SPAN ? quality[i] ** 2 * distance[i] : 0;
      }
    }
    for (const taken of chosen) gains[taken] = Number.NEGATIVE_INFINITY;
  }
  return chosen;
}

/** {@link cdpruner} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "cdpruner",
  summary: "tokens relevant to the question and unlike each other; relevance by the decoder's embeddings, not CLIP's",
  positions: "compressed",
  taps: ["stage2.scores", "stage2.indices"],
  departure: "relevance from the decoder's embeddings, not from CLIP's text tower as published",
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    cdpruner({ keep: definition.budget(average, size), positions }),
};
