import * as tf from "@tensorflow/tfjs";
import { mixedRandom } from "../../core/random-numbers.ts";
import { best, checkScores } from "../../core/ranking.ts";
import { readback } from "../../core/readback.ts";
import type { Sequence } from "../../core/slots.ts";
import { indicesOf } from "../../model/transformer/sequence.ts";
import { type Cut, DEFAULT_AVERAGE, type Method, type MethodDefinition } from "../method.ts";
import { keepEverything } from "../none.ts";
import type { PositionPolicy } from "../nuwa/positions.ts";
import { perImage } from "../patches.ts";
import type { CutBudget } from "../schedule.ts";
import { recycledCounts, sparsevlmBudget } from "./budget.ts";
import { densityPeaks, matrixRank } from "./clustering.ts";
import { attentionOfRaters, chooseRaters } from "./raters.ts";

/** Parameters of {@link sparsevlm}. */
export interface SparsevlmOptions {
  readonly stages: CutBudget;
  /**
   * How many stay. `v1.5`: the budgets of `stages`. `rank`, the first version: ⌊13.5 · rank⌋ of the matrix of
   * attention from raters to visual tokens, whatever the budgets say.
   */
  readonly version?: "v1.5" | "rank";
  /** Seed of the noise, below 1e-6, that the released code adds to densities against ties; undefined: no noise. */
  readonly noise?: number;
  readonly positions?: PositionPolicy;
}

/**
 * SparseVLM: text tokens that the image relates to rate the visual tokens in three layers; the worst are
 * dropped, and the better ones among these are recycled into a few cluster means, which follow the kept
 * tokens and compete in the next stage. Published: cuts after layers 2, 6 and 15 of 32.
 *
 * Source: Zhang et al., "SparseVLM: Visual Token Sparsification for Efficient Vision-Language Vlm
 * Inference", ICML 2025, arXiv 2410.04417; released code: github.com/Gumpest/SparseVLMs.
 */
export function sparsevlm(options: SparsevlmOptions): Method {
  return {
    name: "sparsevlm",
    positions: options.positions ?? "compressed",
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map(options.stages.map(({ layer, keep }) => [layer, rate(keep, options)])),
  };
}

function rate(budget: number, { version = "v1.5", noise }: SparsevlmOptions): Cut {
  return function* (view) {
    const { sequence, tokens } = view;
    const length = sequence[0].length;
    const raters = yield* chooseRaters(view.entered);
    const relations = yield* attentionOfRaters(view.attentionRows, sequence, raters);
    const rated = tf.tensor2d(sequence.map((slots, sample) => meanRating(slots, relations[sample])));
    const ratings = perImage(yield* readback(view.tap("stage2.scores", rated)), length); // [B][S]
    const width = tokens.shape[2];
    const states = perImage(yield* readback(tokens), length * width);
    const keep: number[][] = [];
    const clusters: number[][][] = [];
    sequence.forEach((slots, sample) => {
      const visual = indicesOf(slots, "visual");
      const scores = Float32Array.from(visual, (index) => ratings[sample][index]);
      checkScores("SparseVLM", scores);
      const ranked = best([...scores.keys()], scores, scores.length);
      const count = version === "rank" ? Math.floor(13.5 * matrixRank(relations[sample])) : budget;
      keep.push(ranked.slice(0, count).sort((a, b) => a - b));
      const dropped = ranked.slice(count);
      const { sources, clusters: made } = recycledCounts(dropped.length);
      const recycled = dropped.slice(0, sources).map((rank) => visual[rank]);
      const points = recycled.map((index) => states[sample].subarray(index * width, (index + 1) * width));
      const random = noise === undefined ? undefined : mixedRandom(noise);
      clusters.push(densityPeaks(points, made, random).map((members) => members.map((i) => recycled[i])));
    });
    const counts = clusters.map((list) => list.length);
    const most = Math.max(...counts);
    if (most === 0) return { keep };
    const weights = clusters.map((list) => Array.from({ length: most }, (_, i) => meanOf(length, list[i])));
    return { keep, added: { weights: tf.tensor3d(weights), counts } };
  };
}

/** The mean of the raters' attention, in the place of each visual token; 0 for what they do not rate. */
function meanRating(slots: Sequence[number], relations: readonly Float32Array[]): number[] {
  const ratings = new Array<number>(slots.length).fill(0);
  indicesOf(slots, "visual").forEach((index, i) => {
    ratings[index] = relations.reduce((sum, row) => sum + row[i], 0) / relations.length;
  });
  return ratings;
}

/** The released code divides by the count plus 1e-6. */
function meanOf(length: number, members: readonly number[] = []): number[] {
  const row = new Array<number>(length).fill(0);
  for (const member of members) row[member] = 1 / (members.length + 1e-6);
  return row;
}

/** {@link sparsevlm} for the registry. */
export const definition: MethodDefinition<CutBudget> = {
  name: "sparsevlm",
  summary: "three cuts in the decoder, rated by text tokens; dropped tokens are recycled into cluster means",
  positions: "compressed",
  taps: ["stage2.scores", "stage2.indices"],
  budget: sparsevlmBudget,
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    sparsevlm({ stages: definition.budget(average, size), positions }),
};
