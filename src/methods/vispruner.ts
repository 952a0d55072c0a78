import { patchCount } from "../core/grid.ts";
import { best, checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { allCosines, perImage, requirePatches } from "./patches.ts";

/** Parameters of {@link vispruner}. */
export interface VisprunerOptions {
  /** How many patches go on. */
  readonly keep: number;
  /** r: the share of them that is kept for its attention, rounded down; the rest is kept for its diversity (0.5). */
  readonly importantShare?: number;
  readonly positions?: PositionPolicy;
}

/**
 * VisPruner: half of the patches are those that the class token attends to most, the other half is what is left of the
 * rest when duplicates are removed from it, see {@link withoutDuplicates}.
 *
 * The diverse half hangs on rounding: each round sorts numbers that are nearly equal, and their order decides which
 * patches are compared in the next. Where features are computed with another rounding, most of it may change.
 *
 * Source: Zhang et al., "Beyond Text-Visual Attention: Exploiting Visual Cues for Effective Token Pruning in VLMs",
 * ICCV 2025, arXiv 2412.01818, formerly FasterVLM; released code: github.com/Theia-4869/VisPruner. There, a rest of an
 * odd number of patches, or fewer than eight diverse ones, is an error.
 */
export function vispruner({ keep, importantShare = 0.5, positions = "compressed" }: VisprunerOptions): Method {
  return {
    name: "vispruner",
    needs: ["class-attention"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen, tap) {
      requirePatches("vispruner", seen);
      const total = patchCount(seen.grid);
      const attention = perImage(yield* readback(tap("stage1.salience", seen.clsAttention)), total);
      const cosines = perImage(yield* readback(allCosines(seen.features)), total * total);
      return {
        cells: attention.map((own, image) =>
          importantAndDiverse(own, cosines[image], seen.share(keep), importantShare).sort((a, b) => a - b),
        ),
      };
    },
    cuts: new Map(),
  };
}

/**
 * VisPruner's choice: ⌊k·r⌋ patches by attention, then those of the rest that are unlike each other.
 *
 * @param attention [N]
 * @param cosines [N][N], row-major
 * @param count k
 * @param importantShare r
 */
export function importantAndDiverse(
  attention: Float32Array,
  cosines: Float32Array,
  count: number,
  importantShare = 0.5,
): number[] {
  checkScores("VisPruner's class attention", attention);
  checkScores("VisPruner's cosines", cosines);
  const order = best([...attention.keys()], attention, attention.length);
  const important = Math.floor(count * importantShare);
  return [
    ...order.slice(0, important),
    ...withoutDuplicates(order.slice(important), cosines, attention.length, count - important),
  ];
}

/** At most how many patches are dropped before all are compared anew. */
const DROPPED_AT_ONCE = 8;

/**
 * Drops duplicates from a list until so many are left. In each round every patch at an even place looks for the one
 * most like it (cosine) among those at odd places, and those with the likest are dropped, eight at most. The next round
 * has the others of even places in falling likeness, then those of odd places as they stood. The last of an odd number
 * has no partner and stays at the end.
 *
 * @param list patches; their order counts
 * @param cosines [N][N], row-major
 * @param total N
 */
export function withoutDuplicates(
  list: readonly number[],
  cosines: Float32Array,
  total: number,
  count: number,
): number[] {
  if (count === 0) return [];
  let left = [...list];
  while (left.length > count) {
    const paired = left.length - (left.length % 2);
    const [even, odd] = [0, 1].map((parity) => left.slice(0, paired).filter((_, place) => place % 2 === parity));
    const likeness = even.map((patch) =>
      odd.reduce((most, other) => Math.max(most, cosines[patch * total + other]), Number.NEGATIVE_INFINITY),
    );
    const dropped = Math.min(DROPPED_AT_ONCE, left.length - count, even.length);
    const places = best([...even.keys()], likeness, even.length).slice(dropped);
    left = [...places.map((place) => even[place]), ...odd, ...left.slice(paired)];
  }
  return left;
}

/** {@link vispruner} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "vispruner",
  summary: "half by class attention, half what is left of the rest without its duplicates",
  positions: "compressed",
  taps: ["stage1.salience"],
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(average, size, vispruner({ keep: definition.budget(average, size), positions })),
};
