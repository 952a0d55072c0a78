import fc from "fast-check";
import { expect } from "vitest";
import { type CoverageBounds, coverageBounds } from "../../src/analysis/bounds.ts";
import { type Coverage, coverageOf, nearestSquaredDistances, starDiscrepancy } from "../../src/analysis/coverage.ts";
import { type Grid, patchCount, squaredDistance } from "../../src/core/grid.ts";
import { feasibleSets, type SelectionCase, selectionCases } from "../../src/laws/generators/selections.ts";
import * as laws from "../../src/laws/selection.ts";
import { patchesPerRegion } from "../../src/methods/nuwa/alignment.ts";
import { regionsOf } from "../../src/methods/nuwa/separation.ts";
import { law } from "./law.ts";
import { nuwaStage1 } from "./selectors.ts";

/** Family: what stage 1 covers, whatever the scores; bounds that hold, and witnesses that reach them. */

const cases = selectionCases();

law(
  "With n = 1 no region holds two anchors, and min(k, #regions) regions hold one.",
  selectionCases(),
  laws.spreadsSingles(nuwaStage1),
);
law("No region ever holds more than n anchors.", selectionCases(), laws.holdsAtMostN(nuwaStage1));
law(
  "Where k leaves no choice of regions, every region holds exactly n anchors, or all that it has.",
  selectionCases(),
  laws.fillsEveryRegion(nuwaStage1),
);
law(
  "With k = #regions every patch lies within (g−1)√2 of an anchor, and so within g√2.",
  selectionCases(),
  laws.coversNearbyWhenAllRegionsAre(nuwaStage1),
);
law(
  "No scores cover fewer regions than the m largest that together can hold k anchors, and none more than min(k, #regions).",
  cases,
  laws.coversTheRegionsPromised(nuwaStage1),
);
law(
  "No scores leave a patch farther from its nearest anchor than ρ(grid, g, n, k).",
  cases,
  laws.staysWithinTheRadius(nuwaStage1),
);
law(
  "No scores leave more consecutive rows, or columns, without an anchor than the longest band outside of which k anchors fit.",
  cases,
  laws.staysWithinTheGaps(nuwaStage1),
);
law(
  "No scores have a larger star discrepancy than the most that one box can hold too many or too few.",
  cases,
  laws.staysWithinTheDiscrepancy(nuwaStage1),
);
law(
  "No scores have a larger mean distance than the bound from empty and covered regions.",
  cases,
  laws.staysWithinTheMeanDistance(nuwaStage1),
);

law(
  "Any k patches with at most n in each region obey the bounds, also where no scores were drawn.",
  feasibleSets(24),
  ({ grid, regionSize, keep, anchors }) => {
    const [coverage, bounds] = [coverageOf(anchors, grid, regionSize), coverageBounds(grid, { keep, regionSize })];
    expect(coverage.coveredRegions).toBeGreaterThanOrEqual(bounds.coveredRegions.value);
    for (const name of ["radius", "rowGap", "columnGap", "discrepancy"] as const)
      expect(coverage[name]).toBeLessThanOrEqual(bounds[name].value);
    expect(coverage.meanDistance).toBeLessThanOrEqual(bounds.meanDistance.value + 1e-9);
  },
);

/** Bounds, and what stage 1 covers under the witness of each. */
function witnessed({ grid, keep, regionSize }: SelectionCase, ...names: (keyof CoverageBounds)[]) {
  const bounds = coverageBounds(grid, { keep, regionSize });
  return names.map((name) => {
    const { value, witness } = bounds[name];
    const coverage: Coverage = coverageOf(nuwaStage1(witness, grid, { keep, regionSize }), grid, regionSize);
    return { bound: value, reached: coverage[name] };
  });
}

law(
  "The witness of each bound but the mean distance reaches it: regions, radius, row gap, column gap, discrepancy.",
  cases,
  (input) => {
    const found = witnessed(input, "coveredRegions", "radius", "rowGap", "columnGap", "discrepancy");
    for (const { bound, reached } of found) expect(reached).toBe(bound);
  },
);
law(
  "The bound of the mean distance is reached for k = 1, for k = #regions with g ≤ 2, and for k = N.",
  cases,
  (input) => {
    const regionSize = 1 + (input.pick % 2);
    const regions = regionsOf(input.grid, regionSize).length;
    for (const keep of [1, regions, patchCount(input.grid)]) {
      const [{ bound, reached }] = witnessed({ ...input, regionSize, keep }, "meanDistance");
      expect(reached).toBeCloseTo(bound, 9);
    }
  },
);

/** The k-th largest of the n farthest of each region, seen from one patch: the formula of the documentation. */
function farthest(grid: Grid, regionSize: number, keep: number, patch: number): number {
  const regions = regionsOf(grid, regionSize);
  const perRegion = patchesPerRegion(regions, keep);
  const squares = regions.flatMap((region) =>
    region
      .map((q) => squaredDistance(grid, patch, q))
      .sort((a, b) => b - a)
      .slice(0, perRegion),
  );
  return Math.sqrt(squares.sort((a, b) => b - a)[keep - 1]);
}

law(
  "With n = 1, on every grid, the worst patch is the upper left one: ρ² is the k-th largest of (min((i+1)g, H) − 1)² + (min((j+1)g, W) − 1)².",
  cases,
  ({ grid, regionSize: g, pick }) => {
    const { rows, columns } = grid;
    const regions = regionsOf(grid, g).length;
    const keep = 1 + (pick % regions);
    const squares = Array.from({ length: regions }, (_, r) => {
      const [i, j] = [Math.floor(r / Math.ceil(columns / g)), r % Math.ceil(columns / g)];
      return (Math.min((i + 1) * g, rows) - 1) ** 2 + (Math.min((j + 1) * g, columns) - 1) ** 2;
    });
    const radius = Math.sqrt(squares.sort((a, b) => b - a)[keep - 1]);
    expect(coverageBounds(grid, { keep, regionSize: g }).radius.value).toBe(radius);
  },
);
law(
  "Where g divides both sides the worst patch is the upper left one, for every k.",
  fc.record({
    up: fc.integer({ min: 1, max: 6 }),
    across: fc.integer({ min: 1, max: 6 }),
    regionSize: fc.integer({ min: 1, max: 5 }),
    pick: fc.nat(),
  }),
  ({ up, across, regionSize, pick }) => {
    const grid = { rows: up * regionSize, columns: across * regionSize };
    const keep = 1 + (pick % patchCount(grid));
    expect(coverageBounds(grid, { keep, regionSize }).radius.value).toBe(farthest(grid, regionSize, keep, 0));
  },
);

law(
  "On grids of at most 9×9 patches the worst patch is the upper left one, for every g and k.",
  selectionCases({ max: 9 }),
  ({ grid, keep, regionSize }) => {
    expect(coverageBounds(grid, { keep, regionSize }).radius.value).toBe(farthest(grid, regionSize, keep, 0));
  },
);

/** Small enough to look at all pairs, all boxes and all sets. */
const small = feasibleSets(10);

law("The distances to the nearest anchor are those that comparing all pairs gives.", small, ({ grid, anchors }) => {
  const slow = Array.from({ length: patchCount(grid) }, (_, p) =>
    Math.min(...anchors.map((q) => squaredDistance(grid, p, q))),
  );
  expect(nearestSquaredDistances(anchors, grid)).toEqual(slow);
});
law("The star discrepancy is the largest that counting every box gives.", small, ({ grid, anchors }) => {
  let worst = 0;
  for (let y = 1; y <= grid.rows; y++) {
    for (let x = 1; x <= grid.columns; x++) {
      const inside = anchors.filter((p) => p < y * grid.columns && p % grid.columns < x).length;
      worst = Math.max(worst, Math.abs(inside / anchors.length - (x * y) / patchCount(grid)));
    }
  }
  expect(starDiscrepancy(anchors, grid)).toBeCloseTo(worst, 12);
});
law("A band as wide as the row gap, and none wider, is free of anchors.", small, ({ grid, anchors, regionSize }) => {
  const { rowGap, columnGap } = coverageOf(anchors, grid, regionSize);
  const bands = (lines: number, width: number, lineOf: (p: number) => number) =>
    Array.from({ length: Math.max(0, lines - width + 1) }, (_, start) =>
      anchors.every((p) => lineOf(p) < start || lineOf(p) >= start + width),
    ).some(Boolean);
  const row = (p: number) => Math.floor(p / grid.columns);
  const column = (p: number) => p % grid.columns;
  expect([bands(grid.rows, rowGap, row), bands(grid.rows, rowGap + 1, row)]).toEqual([true, false]);
  expect([bands(grid.columns, columnGap, column), bands(grid.columns, columnGap + 1, column)]).toEqual([true, false]);
});
law(
  "On grids of at most 12 patches trying every set that stage 1 can keep finds exactly the bounds, and no larger mean distance.",
  selectionCases({ max: 4 }).filter(({ grid }) => patchCount(grid) <= 12),
  ({ grid, keep, regionSize }) => {
    const bounds = coverageBounds(grid, { keep, regionSize });
    const all = everySet(grid, keep, regionSize).map((anchors) => coverageOf(anchors, grid, regionSize));
    const largest = (name: keyof Coverage) => Math.max(...all.map((coverage) => coverage[name]));
    expect(Math.min(...all.map(({ coveredRegions }) => coveredRegions))).toBe(bounds.coveredRegions.value);
    for (const name of ["radius", "rowGap", "columnGap", "discrepancy"] as const)
      expect(largest(name)).toBe(bounds[name].value);
    expect(largest("meanDistance")).toBeLessThanOrEqual(bounds.meanDistance.value + 1e-9);
    expect(largest("meanDistance")).toBeGreaterThanOrEqual(bounds.meanDistance.reached - 1e-9);
  },
  { share: 0.5 },
);

/** All sets of `keep` patches with at most n in each region. */
function everySet(grid: Grid, keep: number, regionSize: number): number[][] {
  const regions = regionsOf(grid, regionSize);
  const perRegion = patchesPerRegion(regions, keep);
  const sets: number[][] = [];
  for (let bits = 0; bits < 2 ** patchCount(grid); bits++) {
    const chosen = (p: number) => (bits >> p) % 2 === 1;
    const counts = regions.map((region) => region.filter(chosen).length);
    if (counts.reduce((a, b) => a + b) !== keep || Math.max(...counts) > perRegion) continue;
    sets.push(regions.flat().filter(chosen));
  }
  return sets;
}
