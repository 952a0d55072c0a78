import fc from "fast-check";
import { expect } from "vitest";
import { largestSquaredDistance, patchCount, squaredDistance } from "../../src/core/grid.ts";
import { best, quantile } from "../../src/core/ranking.ts";
import { grids, regionSizes } from "../../src/laws/generators/grids.ts";
import { ranks, scores } from "../../src/laws/generators/scores.ts";
import { feasibleSets, selectionCases } from "../../src/laws/generators/selections.ts";
import * as laws from "../../src/laws/selection.ts";
import { patchesPerRegion } from "../../src/methods/nuwa/alignment.ts";
import { pillarsAmong } from "../../src/methods/nuwa/pillars.ts";
import { regionsOf } from "../../src/methods/nuwa/separation.ts";
import { law } from "./law.ts";
import { nuwaStage1 } from "./selectors.ts";

/** Family: which patches stage 1 keeps (separation, alignment, pillars, ranking). */

const cut = grids().chain((grid) => fc.record({ grid: fc.constant(grid), regionSize: regionSizes(grid) }));
const values = fc.integer({ min: 1, max: 60 }).chain((count) => scores(count));

law("The regions hold every patch of the grid exactly once, each in ascending order.", cut, ({ grid, regionSize }) => {
  const regions = regionsOf(grid, regionSize);
  for (const region of regions) expect([...region].sort((a, b) => a - b)).toEqual(region);
  expect(regions.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: patchCount(grid) }, (_, p) => p));
});

law(
  "Region i·⌈W/g⌉ + j is the rectangle of rows ig to ig+g−1 and columns jg to jg+g−1 that lies on the grid.",
  cut,
  ({ grid: { rows, columns }, regionSize: g }) => {
    regionsOf({ rows, columns }, g).forEach((region, r) => {
      const [i, j] = [Math.floor(r / Math.ceil(columns / g)), r % Math.ceil(columns / g)];
      const height = Math.min(g, rows - i * g);
      const width = Math.min(g, columns - j * g);
      expect(region[0]).toBe(i * g * columns + j * g);
      expect(region[region.length - 1]).toBe((i * g + height - 1) * columns + j * g + width - 1);
      expect(region).toHaveLength(height * width);
    });
  },
);

law(
  "Squared distances are whole, symmetric, zero only to oneself, and at most (H−1)² + (W−1)².",
  fc.tuple(grids(), fc.nat(), fc.nat()),
  ([grid, a, b]) => {
    const [p, q] = [a % patchCount(grid), b % patchCount(grid)];
    const square = squaredDistance(grid, p, q);
    expect(Number.isInteger(square)).toBe(true);
    expect(square).toBe(squaredDistance(grid, q, p));
    expect(square === 0).toBe(p === q);
    expect(square).toBeLessThanOrEqual(largestSquaredDistance(grid));
  },
);

law(
  "Stage 1 keeps exactly k patches: of the grid, none twice, ascending.",
  selectionCases(),
  laws.keepsExactlyK(nuwaStage1),
);
law(
  "What a method keeps are patches of the grid, at least one and none twice.",
  selectionCases(),
  laws.keepsPatchesOnce(nuwaStage1),
);
law("Keeping all patches keeps all of them, in raster order.", selectionCases(), laws.keepsAllWhenAsked(nuwaStage1));
law(
  "The same scores give the same selection, and are left as they were.",
  selectionCases(),
  laws.leavesScoresAlone(nuwaStage1),
);
law(
  "Within a region no dropped patch beats a kept one, by score or, among equals, by coming first.",
  selectionCases(),
  laws.keepsTheBestOfARegion(nuwaStage1),
);
law(
  "A dropped patch beats a kept one of another region only when its own region already holds n.",
  selectionCases(),
  laws.dropsOnlyForRoom(nuwaStage1),
);
law(
  "n is the smallest number for which the regions can hold k patches, and ⌈k / #regions⌉ where g divides both sides.",
  selectionCases(),
  ({ grid, regionSize, keep }) => {
    const regions = regionsOf(grid, regionSize);
    const capacity = (n: number) => regions.reduce((sum, region) => sum + Math.min(n, region.length), 0);
    const perRegion = patchesPerRegion(regions, keep);
    expect(capacity(perRegion - 1) < keep && keep <= capacity(perRegion)).toBe(true);
    if (grid.rows % regionSize === 0 && grid.columns % regionSize === 0)
      expect(perRegion).toBe(Math.ceil(keep / regions.length));
  },
);
law(
  "Every set of k patches with at most n in each region is kept under some scores: 1 on it, 0 elsewhere.",
  feasibleSets(),
  ({ grid, regionSize, keep, anchors }) => {
    const indicator = Array.from({ length: patchCount(grid) }, (_, p) => (anchors.includes(p) ? 1 : 0));
    expect(nuwaStage1(indicator, grid, { keep, regionSize })).toEqual(anchors);
  },
);

law(
  "Ranking takes the highest scores, best first, and among equals the lower item, in whatever order they come.",
  fc.tuple(values, fc.nat(), fc.nat()),
  ([{ scores: list }, count, turn]) => {
    const items = list.map((_, i) => (i + turn) % list.length);
    const found = best(items, list, count % (list.length + 1));
    expect(found).toHaveLength(count % (list.length + 1));
    found.forEach((item, i) => {
      const later = items.filter((other) => !found.slice(0, i + 1).includes(other));
      for (const other of later)
        expect(list[item] > list[other] || (list[item] === list[other] && item < other)).toBe(true);
    });
  },
);

// Where huge and tiny scores mix, the interpolation itself loses the tiny ones; nothing is promised there.
const tame = values.filter(({ kind }) => kind !== "mixed");

law(
  "The q-quantile rises with q from the least value to the greatest, and is a value itself where q(n−1) is whole.",
  fc.tuple(tame, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  ([{ scores: list }, at, one, other]) => {
    const sorted = [...list].sort((a, b) => a - b);
    const [low, high] = [quantile(list, Math.min(one, other)), quantile(list, Math.max(one, other))];
    expect(sorted[0] <= low && low <= high && high <= sorted[sorted.length - 1]).toBe(true);
    const [place, last] = [at % list.length, list.length - 1];
    if (last === 0 || (place / last) * last === place)
      expect(quantile(list, last === 0 ? one : place / last) === sorted[place]).toBe(true);
  },
);

law(
  "Pillars are the anchors whose score reaches the q-quantile: at least k − ⌈q(k−1)⌉ of k, and all that score no less than another pillar.",
  fc.tuple(tame, fc.double({ min: 0, max: 1, noNaN: true })),
  ([{ scores: list }, q]) => {
    const pillars = pillarsAmong(list, quantile(list, q));
    expect(pillars.filter(Boolean).length).toBeGreaterThanOrEqual(list.length - Math.ceil(q * (list.length - 1)));
    const weakest = Math.min(...list.filter((_, i) => pillars[i]));
    expect(pillars).toEqual(list.map((score) => score >= weakest));
  },
);

law(
  "Of k different scores exactly ⌊(1−q)(k−1)⌋ + 1 are pillars.",
  fc.tuple(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 0, max: 20 })),
  ([count, twentieths]) => {
    const list = ranks(Array.from({ length: count }, (_, i) => (i * 7919) % 10007));
    // In whole numbers, so that no rounding decides: q = twentieths / 20.
    const wanted = Math.floor(((20 - twentieths) * (count - 1)) / 20) + 1;
    expect(pillarsAmong(list, quantile(list, twentieths / 20)).filter(Boolean)).toHaveLength(wanted);
  },
);
