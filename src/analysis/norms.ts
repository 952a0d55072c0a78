import { UsageError } from "../core/errors.ts";
import { best } from "../core/ranking.ts";
import { type Measure, requirePatches } from "./measure.ts";

/** What part of the patches counts as those of the largest norm. */
const TOP_SHARE = 0.05;

/**
 * How far patches of high norm are those that the class token looks at, state by state of the tower: the share of the
 * ⌊0.05·N + ½⌋ patches with the largest L2 norm that are among as many with the highest score by attention
 * (`EncodedGrid.clsAttention`, the same for all states). Ties go to the lower index.
 *
 * @returns for each grid of the image a number for each of the states, from the embeddings on
 * @throws UsageError when the tower merges tokens, or a grid has too few patches
 */
export function normOverlap(): Measure<readonly Float32Array[]> {
  return ({ tapLayers: { vision: blocks } }, watch) => {
    const grids = watch.atGrids((grid) => {
      requirePatches("norms", grid);
      const norms = Array.from({ length: blocks + 1 }, (_, state) => grid.meanState(state, state).norm(2, 2));
      return [grid.clsAttention, ...norms];
    });
    return async () => (await grids()).map(([attention, ...norms]) => Float32Array.from(norms, overlapWith(attention)));
  };
}

/** How many of some patches are compared: ⌊0.05·N + ½⌋. */
export function topCount(patches: number): number {
  return Math.floor(TOP_SHARE * patches + 0.5);
}

function overlapWith(attention: Float32Array): (norms: Float32Array) => number {
  const count = topCount(attention.length);
  if (count === 0)
    throw new UsageError(`norms: a twentieth of ${attention.length} patches is none. Use a model with 10 or more.`);
  const patches = [...attention.keys()];
  const looked = new Set(best(patches, attention, count));
  return (norms) => best(patches, norms, count).filter((patch) => looked.has(patch)).length / count;
}
