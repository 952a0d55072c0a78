import { patchCount } from "../core/grid.ts";
import { mixedRandom, sampleWithoutReplacement } from "../core/random-numbers.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { requirePatches } from "./patches.ts";

/** Parameters of {@link random}. */
export interface RandomOptions {
  /** How many patches go on. */
  readonly keep: number;
  readonly seed: number;
  /** With `original` ids, chance keeps the frame of reference; with `compressed` ones, it loses it, too. */
  readonly positions?: PositionPolicy;
}

/**
 * The control that every method should beat: patches drawn at random before the decoder. The draw is the
 * same for every image, so that a batch does not change it.
 */
export function random({ keep, seed, positions = "original" }: RandomOptions): Method {
  return {
    name: "random",
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen) {
      requirePatches("random", seen);
      const drawn = sampleWithoutReplacement(patchCount(seen.grid), seen.share(keep), mixedRandom(seed)).sort(
        (a, b) => a - b,
      );
      return { cells: Array.from({ length: seen.features.shape[0] }, () => drawn) };
    },
    cuts: new Map(),
  };
}

/** {@link random} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "random",
  summary: "a control: patches drawn at random before the decoder",
  positions: "original",
  taps: [],
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions, seed = 44 }, size) =>
    choosingFor(average, size, random({ keep: definition.budget(average, size), seed, positions })),
};
