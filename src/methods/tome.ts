import * as tf from "@tensorflow/tfjs";
import { dot } from "../core/dot.ts";
import { patchCount } from "../core/grid.ts";
import { best } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { cellCount } from "../model/image-shape.ts";
import { gatherRows } from "../model/transformer/layers.ts";
import type { MergeGroup, TowerMerge } from "../model/transformer/merging.ts";
import { type AverageTokens, averageCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage, unitVectors } from "./patches.ts";

/** Parameters of {@link tome}. */
export interface TomeOptions {
  /** r: how many tokens each block of the tower merges away, from the first block on. */
  readonly merged: readonly number[];
  readonly positions?: PositionPolicy;
}

/**
 * ToMe: tokens merge inside the vision tower, between the attention and the MLP of each block. Every other
 * token looks for the one most like it among the rest (cosine of head-mean keys), and the r best pairs
 * merge, weighted by size; attention counts a token as often as it has patches. The class token is protected.
 *
 * Source: Bolya et al., "Token Merging: Your ViT But Faster", ICLR 2023, arXiv 2210.09461; released code:
 * github.com/facebookresearch/ToMe. That work has no language model: that merged tokens enter the decoder
 * in raster order, each in the cell of the token that the others were merged into, is our reading.
 */
export function tome({ merged, positions = "compressed" }: TomeOptions): Method {
  return {
    name: "tome",
    needs: ["merging"],
    positions,
    idsAfterCut: "kept",
    merge: mergePairs(merged),
    *selectPatches({ features, grid, members, prefixTokens }) {
      const rows = features.shape[1];
      const cellsOf = (members ?? []).map((list) => list.map(([own]) => own - prefixTokens));
      const order = cellsOf.map((cells) => [...cells.keys()].sort((a, b) => cells[a] - cells[b]));
      const weights = order.map((list, image) =>
        list.map((row) => meanOf(patchCount(grid), members?.[image][row].map((own) => own - prefixTokens) ?? [])),
      );
      return {
        cells: order.map((list, image) => list.map((row) => cellsOf[image][row])),
        weights: tf.tensor3d(weights, [order.length, rows, patchCount(grid)]),
        tokens: gatherRows(features, order),
      };
    },
    cuts: new Map(),
  };
}

function mergePairs(merged: readonly number[]): TowerMerge {
  return function* ({ block, keys, heads, prefixTokens, featureBlock }) {
    const [images, tokens, width] = keys.shape;
    const count = Math.min(merged[block] ?? 0, Math.floor((tokens - prefixTokens) / 2));
    if (count < 1 || block > featureBlock) return undefined;
    const metric = keys.reshape([images, tokens, heads, width / heads]).mean(2); // [I, T, d]
    const values = yield* readback(metric);
    return perImage(values, values.length / images).map((own) =>
      bipartiteGroups(unitVectors(own, tokens), count, prefixTokens),
    );
  };
}

/**
 * Bipartite soft matching: tokens 0, 2, 4, … each point at the likest of 1, 3, 5, …; the `count` likest pairs
 * merge. Tokens that stand before the patches stay. Ties: the lower index.
 *
 * @param kept how many tokens stand before the patches (1, a class token)
 * @returns the tokens of the first set that were not merged, then those of the second set with what they took in. The
 *   former are in order where there is a class token and in falling likeness where there is none, as in the released
 *   code: which of them are even in the next block hangs on it
 */
export function bipartiteGroups(units: readonly Float64Array[], count: number, kept = 1): MergeGroup[] {
  const [first, second] = [0, 1].map((parity) => [...units.keys()].filter((i) => i % 2 === parity));
  const movable = first.filter((i) => i >= kept);
  const scores: number[] = [];
  const target: number[] = [];
  for (const i of movable) {
    const cosines: number[] = [];
    for (const j of second) cosines[j] = dot(units[i], units[j]);
    [target[i]] = best(second, cosines, 1);
    scores[i] = cosines[target[i]];
  }
  const ranked = best(movable, scores, movable.length);
  const sources = ranked.slice(0, count);
  const rest = kept > 0 ? first.filter((i) => !sources.includes(i)) : ranked.slice(count);
  return [
    ...rest.map((i) => [i]),
    ...second.map((j) => [j, ...sources.filter((i) => target[i] === j).sort((a, b) => a - b)]),
  ];
}

function meanOf(patches: number, members: readonly number[]): number[] {
  const row = new Array<number>(patches).fill(0);
  for (const patch of members) row[patch] = 1 / members.length;
  return row;
}

/**
 * ToMe's r for each block: the tokens that are too many, spread evenly over the blocks up to the features.
 * No block can merge more than half of its patches away, so that shallow towers merge more in their first
 * blocks, and not every average can be met.
 *
 * @param blocks of the tower that the features go through
 * @throws UsageError when the average does not fit the model
 */
export function tomeBudget(average: AverageTokens, total: number, blocks: number): number[] {
  const target = Math.round(averageCount(average, total));
  let left = total;
  return Array.from({ length: blocks }, (_, block) => {
    const behind = blocks - block - 1;
    // An even step, or a longer one where the blocks behind could not halve the rest down to the target.
    const wanted = Math.max(Math.ceil((left - target) / (behind + 1)), left - target * 2 ** behind);
    const merged = Math.min(Math.floor(left / 2), wanted);
    left -= merged;
    return merged;
  });
}

/** {@link tome} for the registry. */
export const definition: MethodDefinition<number[]> = {
  name: "tome",
  summary: "tokens merge inside the vision tower, block by block",
  positions: "compressed",
  taps: [],
  budget(average, { total, grids, featureBlocks }) {
    const patches = cellCount({ grids });
    // A class token among the visual tokens is one of them, but never merges.
    const left = Math.max(1, averageCount(average, total) - (total - patches));
    return tomeBudget({ tokens: left }, patches, featureBlocks);
  },
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    tome({ merged: definition.budget(average, size), positions }),
};
