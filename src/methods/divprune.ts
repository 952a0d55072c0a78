import * as tf from "@tensorflow/tfjs";
import { patchCount } from "../core/grid.ts";
import { checkScores, indexOfLargest } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { normalizeRows } from "../model/transformer/layers.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { perImage, requirePatches } from "./patches.ts";

/**
 * Parameters of {@link divprune}. That the released code may choose a patch twice where tokens are identical has no
 * switch: fewer than `keep` different patches are no selection of `keep`. Here a chosen patch is not chosen again.
 */
export interface DivpruneOptions {
  /** How many patches go on. */
  readonly keep: number;
  readonly positions?: PositionPolicy;
}

/**
 * DivPrune: the most diverse patches. Distance is 1 − cosine of the projected tokens; from a first patch on,
 * each next one is the one farthest from all chosen so far (max-min diversity).
 *
 * Source: Alvar et al., "DivPrune: Diversity-based Visual Token Pruning for Large Multimodal Models", CVPR
 * 2025, arXiv 2503.02175; released code: github.com/vbdi/divprune. There, identical tokens could be chosen
 * twice, because the distance of a chosen token to itself is no smaller than that of its twin; here none is.
 */
export function divprune({ keep, positions = "compressed" }: DivpruneOptions): Method {
  return {
    name: "divprune",
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen) {
      requirePatches("divprune", seen);
      const total = patchCount(seen.grid);
      const unit = normalizeRows(seen.project(seen.features)) as tf.Tensor3D; // [I, N, Hd]
      const distances = yield* readback(tf.sub(1, tf.matMul(unit, unit, false, true))); // [I, N, N]
      return {
        cells: perImage(distances, total * total).map((own) =>
          farthestPoints(own, total, seen.share(keep)).sort((a, b) => a - b),
        ),
      };
    },
    cuts: new Map(),
  };
}

/**
 * Farthest-point selection. The first point is the one whose second smallest distance is largest: the
 * smallest is that to itself. Ties: the lower index.
 *
 * @param distances [N][N], row-major
 * @returns indices in the order in which they were chosen
 */
export function farthestPoints(distances: Float32Array, total: number, count: number): number[] {
  checkScores("DivPrune's distances", distances);
  const rows = Array.from({ length: total }, (_, i) => distances.subarray(i * total, (i + 1) * total));
  const first = rows.map((row) => {
    const [smallest, second] = row.reduce(
      ([a, b], value) => (value < a ? [value, a] : [a, Math.min(b, value)]),
      [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    );
    return total > 1 ? second : smallest;
  });
  const chosen = [indexOfLargest(first)];
  const nearest = rows[chosen[0]].slice();
  while (chosen.length < count) {
    for (const point of chosen) nearest[point] = Number.NEGATIVE_INFINITY;
    const next = indexOfLargest(nearest);
    chosen.push(next);
    rows[next].forEach((distance, i) => {
      nearest[i] = Math.min(nearest[i], distance);
    });
  }
  return chosen;
}

/** {@link divprune} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "divprune",
  summary: "the patches that are most unlike each other",
  positions: "compressed",
  taps: [],
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(average, size, divprune({ keep: definition.budget(average, size), positions })),
};
