import { expect } from "vitest";
import { coverageBounds } from "../../src/analysis/bounds.ts";
import { coverageOf } from "../../src/analysis/coverage.ts";
import { type Grid, patchCount } from "../../src/core/grid.ts";
import { patchesPerRegion } from "../../src/methods/nuwa/alignment.ts";
import { regionsOf } from "../../src/methods/nuwa/separation.ts";
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
  expect(kept).toHaveLength(input.keep);
  expect(kept.every((p, i) => Number.isInteger(p) && p > (i === 0 ? -1 : kept[i - 1]))).toBe(true);
  expect(kept[kept.length - 1]).toBeLessThan(patchCount(input.grid));
};

export const keepsAllWhenAsked: SelectionLaw = (select) => (input) => {
  const total = patchCount(input.grid);
  expect(apply(select, { ...input, keep: total })).toEqual(Array.from({ length: total }, (_, p) => p));
};

/** The scores stay as they were: a selection is a pure function. */
export const leavesScoresAlone: SelectionLaw = (select) => (input) => {
  const before = [...input.scores];
  expect(apply(select, input)).toEqual(apply(select, input));
  expect(input.scores).toEqual(before);
};

/** Only the order of the scores counts, and among equals the place: ranks say the same as scores. */
export const seesOnlyOrder: SelectionLaw = (select) => (input) => {
  const order = [...input.scores.keys()].sort((a, b) => input.scores[a] - input.scores[b] || b - a);
  const ranks = new Array<number>(order.length);
  order.forEach((p, rank) => {
    ranks[p] = rank - order.length / 2;
  });
  expect(apply(select, { ...input, scores: ranks })).toEqual(apply(select, input));
};

/** Within a region no dropped patch beats a kept one: higher score, or equal and earlier. */
export const keepsTheBestOfARegion: SelectionLaw = (select) => (input) => {
  const { grid, regionSize, scores } = input;
  const kept = new Set(apply(select, input));
  for (const region of regionsOf(grid, regionSize)) {
    const order = [...region].sort((a, b) => scores[b] - scores[a] || a - b).map((p) => kept.has(p));
    expect(order.lastIndexOf(true)).toBe(order.filter(Boolean).length - 1);
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
      expect(beats).toBe(false);
    }
  }
};

export const holdsAtMostN: SelectionLaw = (select) => (input) => {
  const { inRegion, perRegion } = countsOf(select, input);
  for (const { kept } of inRegion) expect(kept.length).toBeLessThanOrEqual(perRegion);
};

/** Where k leaves no choice of regions, each holds its n, or all that it has. */
export const fillsEveryRegion: SelectionLaw = (select) => (input) => {
  const regions = regionsOf(input.grid, input.regionSize);
  const most = Math.max(...regions.map((region) => region.length));
  const perRegion = 1 + (input.pick % most);
  const keep = regions.reduce((sum, region) => sum + Math.min(perRegion, region.length), 0);
  for (const { region, kept } of countsOf(select, { ...input, keep }).inRegion)
    expect(kept).toHaveLength(Math.min(perRegion, region.length));
};

/** n = 1: k regions hold one anchor each, the others none. */
export const spreadsSingles: SelectionLaw = (select) => (input) => {
  const regions = regionsOf(input.grid, input.regionSize).length;
  const keep = 1 + (input.pick % regions);
  const counts = countsOf(select, { ...input, keep }).inRegion.map(({ kept }) => kept.length);
  // Who keeps more than was asked for may not be at n = 1.
  if (counts.reduce((sum, count) => sum + count) > regions) return;
  expect(Math.max(...counts)).toBe(1);
};

export const coversTheRegionsPromised: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  expect(coverage.coveredRegions).toBeGreaterThanOrEqual(bounds.coveredRegions.value);
  expect(coverage.coveredRegions).toBeLessThanOrEqual(Math.min(input.keep, coverage.regions));
};

/** All regions covered: an anchor in the own region, at most its diagonal away, (g−1)√2 ≤ g√2. */
export const coversNearbyWhenAllRegionsAre: SelectionLaw = (select) => (input) => {
  const keep = regionsOf(input.grid, input.regionSize).length;
  const coverage = coverageOf(apply(select, { ...input, keep }), input.grid, input.regionSize);
  expect(coverage.radius).toBeLessThanOrEqual((input.regionSize - 1) * Math.SQRT2 + ROUNDING);
};

export const staysWithinTheRadius: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  expect(coverage.radius).toBeLessThanOrEqual(bounds.radius.value);
};

export const staysWithinTheMeanDistance: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  expect(coverage.meanDistance).toBeLessThanOrEqual(bounds.meanDistance.value + ROUNDING);
};

export const staysWithinTheDiscrepancy: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  expect(coverage.discrepancy).toBeLessThanOrEqual(bounds.discrepancy.value);
};

export const staysWithinTheGaps: SelectionLaw = (select) => (input) => {
  const { coverage, bounds } = measured(select, input);
  expect(coverage.rowGap).toBeLessThanOrEqual(bounds.rowGap.value);
  expect(coverage.columnGap).toBeLessThanOrEqual(bounds.columnGap.value);
};

/** Powers of two, which scale every float32 exactly as a double. */
export const ignoresScale: SelectionLaw = (select) => (input) => {
  const scale = 2 ** ((input.pick % 41) - 20);
  const scaled = input.scores.map((score) => score * scale);
  expect(apply(select, { ...input, scores: scaled })).toEqual(apply(select, input));
};

export const keepsWhatRises: SelectionLaw = (select) => (input) => {
  const kept = apply(select, input);
  const raised = kept[input.pick % kept.length];
  const higher = input.scores.map((score, p) => (p === raised ? raisedScore(score) : score));
  expect(apply(select, { ...input, scores: higher })).toContain(raised);
};

export const keepsDroppedWhatFalls: SelectionLaw = (select) => (input) => {
  const kept = new Set(apply(select, input));
  const dropped = input.scores.flatMap((_, p) => (kept.has(p) ? [] : [p]));
  if (dropped.length === 0) return;
  const lowered = dropped[input.pick % dropped.length];
  const lower = input.scores.map((score, p) => (p === lowered ? -raisedScore(-score) : score));
  expect(apply(select, { ...input, scores: lower })).not.toContain(lowered);
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
  expect(apply(select, { ...input, grid, scores })).toEqual(moved.sort((a, b) => a - b));
}
