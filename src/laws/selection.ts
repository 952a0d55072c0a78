import { coverageBounds } from "../analysis/bounds.ts";
import { coverageOf } from "../analysis/coverage.ts";
import { type Grid, patchCount } from "../core/grid.ts";
import { patchesPerRegion } from "../methods/nuwa/alignment.ts";
import { regionsOf } from "../methods/nuwa/separation.ts";
import { atLeast, atMost, equal, holds } from "./assert.ts";
import { raisedScore } from "./generators/scores.ts";
import type { SelectionCase } from "./generators/selections.ts";
import type { Selector } from "./selectors.ts";

/** A law about any selection: throws when a case breaks it. */
export type SelectionLaw = (select: Selector) => (input: SelectionCase) => void;

/** Room for the rounding of sums of square roots. */
const ROUNDING = 1e-9;

/** k patches, none twice, all of the grid; selectors bring them into ascending order. */
export const keepsExactlyK: SelectionLaw = (select) => (input) => {
  const kept = apply(select, input);
  equal(kept.length, input.keep);
  equal(
    kept.every((p, i) => Number.isInteger(p) && p > (i === 0 ? -1 : kept[i - 1])),
    true,
  );
  atMost(kept[kept.length - 1], patchCount(input.grid) - 1);
};

/** What is kept are patches of the grid, none twice, at least one. */
export const keepsPatchesOnce: SelectionLaw = (select) => (input) => {
  const kept = apply(select, input);
  atLeast(kept.length, 1);
  holds(new Set(kept).size === kept.length, `kept ${kept.join(", ")}: one stands twice`);
  const total = patchCount(input.grid);
  holds(
    kept.every((p) => Number.isInteger(p) && p >= 0 && p < total),
    `kept ${kept.join(", ")} of ${total} patches`,
  );
};

/** All of the grid where the budget is all of it. */
export const keepsAllWhenAsked: SelectionLaw = (select) => (input) => {
  const total = patchCount(input.grid);
  equal(
    apply(select, { ...input, keep: total }),
    Array.from({ length: total }, (_, p) => p),
  );
};

/** The scores stay as they were: a selection is a pure function. */
export const leavesScoresAlone: SelectionLaw = (select) => (input) => {
  const before = [...input.scores];
  equal(apply(select, input), apply(select, input));
  equal(input.scores, before);
};

/** Only the order of the scores counts, and among equals the place: ranks say the same as scores. */
export const seesOnlyOrder: SelectionLaw = (select) => (input) => {
  const order = [...input.scores.keys()].sort((a, b) => input.scores[a] - input.scores[b] || b - a);
  const ranks = new Array<number>(order.length);
  order.forEach((p, rank) => {
    ranks[p] = rank - order.length / 2;
  });
  equal(apply(select, { ...input, scores: ranks }), apply(select, input));
};

/** Within a region no dropped patch beats a kept one: higher score, or equal and earlier. */
export const keepsTheBestOfARegion: SelectionLaw = (select) => (input) => {
  const { grid, regionSize, scores } = input;
  const kept = new Set(apply(select, input));
  for (const region of regionsOf(grid, regionSize)) {
    const order = [...region].sort((a, b) => scores[b] - scores[a] || a - b).map((p) => kept.has(p));
    equal(order.lastIndexOf(true), order.filter(Boolean).length - 1);
  }
};

/** A dropped patch that beats a kept one elsewhere lies in a region that is full. */
export const dropsOnlyForRoom: SelectionLaw = (select) => (input) => {
  const { scores } = input;
  const { inRegion, perRegion } = countsOf(select, input);
  const all = inRegion.flatMap(({ kept, region }) => kept.map((p) => ({ p, region })));
  const weakest = all.reduce((a, b) => ((scores[a.p] - scores[b.p] || b.p - a.p) <= 0 ? a : b));
  for (const { region, kept } of inRegion) {
    if (kept.length >= perRegion) continue;
    for (const p of region) {
      if (kept.includes(p)) continue;
      const beats = scores[p] > scores[weakest.p] || (scores[p] === scores[weakest.p] && p < weakest.p);
      equal(beats, false);
    }
  }
};

export const holdsAtMostN: SelectionLaw = (select) => (input) => {
  const { inRegion, perRegion } = countsOf(select, input);
  for (const { kept } of inRegion) atMost(kept.length, perRegion);
};

/** Where k leaves no choice of regions, each holds its n, or all that it has. */
export const fillsEveryRegion: SelectionLaw = (select) => (input) => {
  const regions = regionsOf(input.grid, input.regionSize);
  const most = Math.max(...regions.map((region) => region.length));
  const perRegion = 1 + (input.pick % most);
  const keep = regions.reduce((sum, region) => sum + Math.min(perRegion, region.length), 0);
  for (const { region, kept } of countsOf(select, { ...input, keep }).inRegion)
    equal(kept.length, Math.min(perRegion, region.length));
};

/** n = 1: k regions hold one anchor each, the others none. */
export const spreadsSingles: SelectionLaw = (select) => (input) => {
  const regions = regionsOf(input.grid, input.regionSize).length;
  const keep = 1 + (input.pick % regions);
  const counts = countsOf(select, { ...input, keep }).inRegion.map(({ kept }) => kept.length);
  // Who keeps more than was asked for may not be at n = 1.
  if (counts.reduce((sum, count) => sum + count) > regions) return;
  equal(Math.max(...counts), 1);
};

export const coversTheRegionsPromised: SelectionLaw = (select) => (input) => {
  const { kept, coverage, bounds } = measured(select, input);
  atLeast(coverage.coveredRegions, bounds.coveredRegions.value);
  atMost(coverage.coveredRegions, Math.min(kept.length, coverage.regions));
};

/** All regions covered: an anchor in the own region, at most its diagonal away, (g−1)√2 ≤ g√2. */
export const coversNearbyWhenAllRegionsAre: SelectionLaw = (select) => (input) => {
  const keep = regionsOf(input.grid, input.regionSize).length;
  const kept = apply(select, { ...input, keep });
  // Who keeps more than was asked for need not cover all regions.
  if (kept.length > keep) return;
  const coverage = coverageOf(kept, input.grid, input.regionSize);
  atMost(coverage.radius, (input.regionSize - 1) * Math.SQRT2 + ROUNDING);
};

export const staysWithinTheRadius: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  atMost(coverage.radius, bounds.radius.value);
};

export const staysWithinTheMeanDistance: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  atMost(coverage.meanDistance, bounds.meanDistance.value + ROUNDING);
};

export const staysWithinTheDiscrepancy: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  atMost(coverage.discrepancy, bounds.discrepancy.value);
};

export const staysWithinTheGaps: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  atMost(coverage.rowGap, bounds.rowGap.value);
  atMost(coverage.columnGap, bounds.columnGap.value);
};

/** Powers of two, which scale every float32 exactly as a double. */
export const ignoresScale: SelectionLaw = (select) => (input) => {
  const scale = 2 ** ((input.pick % 41) - 20);
  const scaled = input.scores.map((score) => score * scale);
  equal(apply(select, { ...input, scores: scaled }), apply(select, input));
};

export const keepsWhatRises: SelectionLaw = (select) => (input) => {
  const kept = apply(select, input);
  const raised = kept[input.pick % kept.length];
  const higher = input.scores.map((score, p) => (p === raised ? raisedScore(score) : score));
  holds(apply(select, { ...input, scores: higher }).includes(raised), `patch ${raised}, raised, is dropped`);
};

export const keepsDroppedWhatFalls: SelectionLaw = (select) => (input) => {
  const kept = new Set(apply(select, input));
  const dropped = input.scores.flatMap((_, p) => (kept.has(p) ? [] : [p]));
  if (dropped.length === 0) return;
  const lowered = dropped[input.pick % dropped.length];
  const lower = input.scores.map((score, p) => (p === lowered ? -raisedScore(-score) : score));
  holds(!apply(select, { ...input, scores: lower }).includes(lowered), `patch ${lowered}, lowered, is kept`);
};

/** Rows become columns, for every grid and region size. Needs distinct scores. */
export const transposes: SelectionLaw = (select) => (input) => {
  const { rows, columns } = input.grid;
  movesWith(select, input, { rows: columns, columns: rows }, (row, column) => column * rows + row);
};

/** Left becomes right where the regions divide the width. Needs distinct scores. */
export const mirrors: SelectionLaw = (select) => (input) => {
  const grid = { rows: input.grid.rows, columns: Math.ceil(input.grid.columns / input.regionSize) * input.regionSize };
  movesWith(select, stretched(input, grid), grid, (row, column) => row * grid.columns + grid.columns - 1 - column);
};

/** Top becomes bottom where the regions divide the height. Needs distinct scores. */
export const turnsUpsideDown: SelectionLaw = (select) => (input) => {
  const grid = { rows: Math.ceil(input.grid.rows / input.regionSize) * input.regionSize, columns: input.grid.columns };
  movesWith(select, stretched(input, grid), grid, (row, column) => (grid.rows - 1 - row) * grid.columns + column);
};

function apply(select: Selector, { scores, grid, keep, regionSize }: SelectionCase): number[] {
  return select(scores, grid, { keep, regionSize });
}

/** The kept patches of each region, and the n for as many. */
function countsOf(select: Selector, input: SelectionCase) {
  const regions = regionsOf(input.grid, input.regionSize);
  const kept = new Set(apply(select, input));
  const inRegion = regions.map((region) => ({ region, kept: region.filter((p) => kept.has(p)) }));
  return { inRegion, perRegion: patchesPerRegion(regions, kept.size) };
}

function measured(select: Selector, input: SelectionCase) {
  const { grid, regionSize } = input;
  const kept = apply(select, input);
  return {
    kept,
    coverage: coverageOf(kept, grid, regionSize),
    bounds: coverageBounds(grid, { keep: kept.length, regionSize }),
  };
}

/** The case on a larger grid: new patches get new scores, different from all others. */
function stretched(input: SelectionCase, grid: Grid): SelectionCase {
  const total = patchCount(grid);
  // Multiples modulo a prime that is larger than every grid are distinct.
  const scores = Array.from({ length: total }, (_, p) => ((p + 1) * (input.pick + 1)) % 10007);
  return { ...input, grid, scores };
}

/** The selection of the moved picture is the moved selection. */
function movesWith(
  select: Selector,
  input: SelectionCase,
  grid: Grid,
  to: (row: number, column: number) => number,
): void {
  const target = input.scores.map((_, p) => to(Math.floor(p / input.grid.columns), p % input.grid.columns));
  const scores = new Array<number>(target.length);
  target.forEach((q, p) => {
    scores[q] = input.scores[p];
  });
  const moved = apply(select, input).map((p) => target[p]);
  equal(
    apply(select, { ...input, grid, scores }),
    moved.sort((a, b) => a - b),
  );
}
