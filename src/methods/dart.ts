import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../core/errors.ts";
import { best, checkScores } from "../core/ranking.ts";
import { type Readback, readback } from "../core/readback.ts";
import type { Slot } from "../core/slots.ts";
import { normalizeRows } from "../model/transformer/layers.ts";
import { indicesOf, textBehind } from "../model/transformer/sequence.ts";
import { isEverything } from "./budget.ts";
import { fastvBudget, publishedLayer } from "./fastv.ts";
import type { Cut, Method, MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage } from "./patches.ts";

/** Pivots of either kind, visual tokens and text, as published. */
const PIVOTS = 4;

/** Parameters of {@link dart}. */
export interface DartOptions {
  /** How many visual tokens are pivots (4). They stay. */
  readonly visualPivots?: number;
  /** How many tokens of the text behind the image are pivots (4), or all where there are fewer. They only choose. */
  readonly textPivots?: number;
  /** c: how many visual tokens each pivot takes. Where there are fewer pivots, they take as many in all. */
  readonly perPivot: number;
  /** K: the cut is made before this decoder layer, counted from 0 (2). */
  readonly layer?: number;
  /** The released code keeps the ids. Under other policies they are given anew to what is left. */
  readonly positions?: PositionPolicy;
}

/**
 * DART: before decoder layer K, pivots are the tokens whose keys in layer K − 1 have the largest L1 norm, and each
 * takes the visual tokens that are least like it: what is left are the pivots and what duplicates none of them.
 *
 * $$ \lVert k_i \rVert_1 = \sum_{a} \sum_{j} |k_{a,i,j}|, \qquad
 * \text{pivot } p \text{ takes the } c \text{ free } v \text{ with the smallest } \cos(x_p, x_v) $$
 *
 * Keys are those of all heads after the rotary positions; x are the states entering layer K behind the final norm of
 * the decoder. Pivots choose in the order in which they stand. The released code goes through a Python set of their
 * indices, whose order changes with the length of the text before the image. That norms are taken after the rotary
 * positions, so that they depend on these, is as published.
 *
 * Source: Wen et al., "Stop Looking for Important Tokens in Multimodal Language Models: Duplication Matters More",
 * EMNLP 2025, arXiv 2502.11494; released code: a fork of it, github.com/xqy1111111/DART, and the port in
 * github.com/ModelTC/LightCompress.
 *
 * @throws UsageError when no layer lies before the cut
 */
export function dart(options: DartOptions): Method {
  const { layer = 2, positions = "original" } = options;
  if (!Number.isInteger(layer) || layer < 1)
    throw new UsageError(`DART: layer ${layer} has no layer before it to take keys from. Give 1 or more.`);
  return {
    name: "dart",
    positions,
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map([[layer, dropDuplicates(options)]]),
  };
}

function dropDuplicates({ visualPivots = PIVOTS, textPivots = PIVOTS, perPivot }: DartOptions): Cut {
  return function* ({ tokens, sequence, before, finalNorm }) {
    if (!before)
      throw new UsageError("DART: no layer lies before layer 0 to take keys from. Cut before layer 1 or later.");
    const length = sequence[0].length;
    const norms = perImage(yield* readback(tf.tidy(() => before.keys.abs().sum([1, 3]))), length); // [B][S]
    const units = normalizeRows(finalNorm(tokens)) as tf.Tensor3D; // [B, S, Hd]
    const keep: number[][] = [];
    for (const [sample, slots] of sequence.entries()) {
      checkScores("DART's keys", norms[sample]);
      const visual = indicesOf(slots, "visual");
      const kept = best(visual, norms[sample], visualPivots);
      const pivots = [...kept, ...best(textBehind(slots), norms[sample], textPivots)].sort((a, b) => a - b);
      const own = units.slice<tf.Tensor3D>([sample, 0, 0], [1, -1, -1]).squeeze<tf.Tensor2D>([0]);
      const cosines = yield* cosinesOf(own, pivots, slots);
      const taken = takenInTurn(cosines, visual, kept, perPivot * (visualPivots + textPivots));
      keep.push(taken.map((index) => visual.indexOf(index)).sort((a, b) => a - b));
    }
    return { keep };
  };
}

/** For each pivot its cosines with all tokens of a sample; none where the sample shows no image. */
function* cosinesOf(units: tf.Tensor2D, pivots: readonly number[], slots: readonly Slot[]): Readback<Float32Array[]> {
  if (!slots.some((slot) => slot?.kind === "visual")) return [];
  const rows = tf.gather(units, tf.tensor1d([...pivots], "int32")); // [p, Hd]
  return perImage(yield* readback(tf.matMul(rows, units, false, true)), slots.length);
}

/**
 * What is left when one pivot after the other takes the tokens that are least like it, of those that nobody has taken.
 *
 * @param cosines for each pivot, by token
 * @param tokens that may be taken
 * @param kept those that are left in any case
 * @param count how many are taken in all
 */
export function takenInTurn(
  cosines: readonly ArrayLike<number>[],
  tokens: readonly number[],
  kept: readonly number[],
  count: number,
): number[] {
  const taken = new Set(kept);
  cosines.forEach((own, turn) => {
    checkScores("DART's cosines", own);
    const share = Math.floor(((turn + 1) * count) / cosines.length) - Math.floor((turn * count) / cosines.length);
    const free = tokens.filter((token) => !taken.has(token));
    const unlike = Float32Array.from(own, (cosine) => -cosine);
    for (const token of best(free, unlike, share)) taken.add(token);
  });
  return [...taken];
}

/**
 * DART's counts for a number of tokens T, as published: 4 visual pivots and 8⌊T/8⌋ others stay, which may be up to four
 * more than T or three fewer.
 *
 * @param layer K
 */
export function dartBudget(tokens: number, layer: number): DartOptions {
  return { visualPivots: Math.min(PIVOTS, tokens), perPivot: Math.floor(tokens / (2 * PIVOTS)), layer };
}

/** {@link dart} for the registry. Without an average T is 2/9 of all visual tokens, the published 128 of 576. */
export const definition: MethodDefinition<DartOptions> = {
  name: "dart",
  summary: "tokens of large keys as pivots, and those that are least like each of them",
  positions: "original",
  taps: ["stage2.indices"],
  publishedAverage: true,
  // T is FastV's R.
  budget(average, { total, layers }) {
    const layer = publishedLayer(layers);
    return dartBudget(fastvBudget(average, { total, layers }, layer), layer);
  },
  create({ average, positions }, size) {
    const { total, layers } = size;
    const budget = average
      ? definition.budget(average, size)
      : dartBudget(Math.max(1, Math.round((total * 128) / 576)), publishedLayer(layers));
    const method = dart({ ...budget, positions });
    return isEverything(average, total) ? { ...method, cuts: new Map() } : method;
  },
};
