import { computed } from "@preact/signals";
import { type Coverage, coverageOf, nearestSquaredDistances } from "../../../../src/analysis/coverage.ts";
import { type Grid, squaredDistance } from "../../../../src/core/grid.ts";
import { best, indexOfLargest } from "../../../../src/core/ranking.ts";
import { alignAnchors, patchesPerRegion } from "../../../../src/methods/nuwa/alignment.ts";
import { type Budget, solveBudget } from "../../../../src/methods/nuwa/budget.ts";
import { regionsOf } from "../../../../src/methods/nuwa/separation.ts";
import { live } from "../state/live.ts";
import { average, client, facts, gridOf, regionSize, seen, variant, worstCase } from "../state/state.ts";

/** A selection of step 2, and how it covers the grid. */
export interface Covering {
  readonly cells: readonly number[];
  readonly coverage: Coverage;
  /** The patch that is farthest from all kept ones, and the kept one nearest to it. */
  readonly farthest: readonly [patch: number, kept: number];
  /** The patches of regions that hold nothing, region by region. */
  readonly empty: readonly (readonly number[])[];
}

/** What the budget leaves: k patches before the cut inside the decoder, k₂ behind it. */
export const split = computed<Budget>(() => {
  const { rows, columns } = gridOf.value;
  const layers = facts.value?.layers ?? 8;
  return solveBudget({ tokens: average.value }, rows * columns, layers, Math.floor(layers / 2));
});

/** k, the patches that Nüwa's stage 1 keeps of the budget. */
export const stage1Budget = computed<number>(() => split.value.stage1);

/** How many regions there are, n, the candidates of all together, of the region with fewest, and whether all are. */
export const candidates = computed(() => {
  const regions = regionsOf(gridOf.value, regionSize.value);
  const perRegion = patchesPerRegion(regions, stage1Budget.value);
  const counts = regions.map((region) => Math.min(region.length, perRegion));
  const all = counts.reduce((sum, count) => sum + count, 0);
  const isEverything = regions.every((region) => region.length <= perRegion);
  return { regions: regions.length, perRegion, all, fewest: Math.min(...counts), isEverything };
});

/**
 * What holds for every salience, once the slider rests: until then the worker chooses what the method keeps.
 */
export const bounds = live(
  () =>
    facts.value && client.value
      ? { worker: client.value, keep: stage1Budget.value, regionSize: regionSize.value }
      : undefined,
  // What they hold for comes with them: they may be late.
  async ({ worker, ...task }) => ({ ...task, ...(await worker.ask("bounds", task)) }),
  { pause: 150 },
);

/** The salience that is worst for plain top-k, while it is shown. */
export const worstSalience = live(
  () =>
    worstCase.value && facts.value && client.value ? { worker: client.value, keep: stage1Budget.value } : undefined,
  ({ worker, ...task }) => worker.ask("worst", task),
);

/** What the selections go by: the scene's salience, or what is worst for plain top-k; undefined before it is there. */
export const salience = computed<ArrayLike<number> | undefined>(() => {
  if (!worstCase.value) return seen.value.value?.salience[variant.value];
  return worstSalience.value.value;
});

/** What is kept by separation and alignment, and by plain top-k. */
export const coverings = computed<{ readonly aligned: Covering; readonly top: Covering } | undefined>(() => {
  const scores = salience.value;
  if (!scores) return undefined;
  const grid = gridOf.value;
  const keep = stage1Budget.value;
  const everything = Array.from(scores, (_, cell) => cell);
  return {
    aligned: coveringOf(alignAnchors(scores, grid, { keep, regionSize: regionSize.value }), grid),
    top: coveringOf(best(everything, scores, keep), grid),
  };
});

function coveringOf(cells: readonly number[], grid: Grid): Covering {
  const far = indexOfLargest(nearestSquaredDistances(cells, grid));
  const nearness = cells.map((cell) => -squaredDistance(grid, cell, far));
  const kept = new Set(cells);
  return {
    cells,
    coverage: coverageOf(cells, grid, regionSize.value),
    farthest: [far, cells[indexOfLargest(nearness)]],
    empty: regionsOf(grid, regionSize.value).filter((region) => !region.some((cell) => kept.has(cell))),
  };
}
