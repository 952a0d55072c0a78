import { describe, expect, it } from "vitest";
import { coverageBounds, coverageOf, nearestSquaredDistances, starDiscrepancy } from "../../src/analysis.ts";
import {
  alignAnchors,
  largestSquaredDistance,
  patchCount,
  patchesPerRegion,
  regionsOf,
  squaredDistance,
  UsageError,
} from "../../src/index.ts";

/** Examples by hand; what holds for every input is stated in test/properties/coverage.test.ts. */
describe("coverage", () => {
  it("of one anchor in the corner of 2×3 patches", () => {
    const grid = { rows: 2, columns: 3 };
    expect(nearestSquaredDistances([0], grid)).toEqual([0, 1, 4, 1, 2, 5]);
    expect(coverageOf([0], grid, 2)).toEqual({
      coveredRegions: 1,
      regions: 2,
      radius: Math.sqrt(5),
      meanDistance: expect.closeTo((1 + 2 + 1 + Math.SQRT2 + Math.sqrt(5)) / 6, 12),
      // The corner patch alone: all anchors, a sixth of the patches.
      discrepancy: expect.closeTo(5 / 6, 12),
      rowGap: 1,
      columnGap: 2,
    });
  });

  it("is perfect when everything is kept", () => {
    expect(coverageOf([3, 0, 2, 1], { rows: 2, columns: 2 }, 1)).toEqual({
      coveredRegions: 4,
      regions: 4,
      radius: 0,
      meanDistance: 0,
      discrepancy: 0,
      rowGap: 0,
      columnGap: 0,
    });
  });

  it("has a discrepancy that a lattice keeps low and a crowd drives up", () => {
    const grid = { rows: 4, columns: 4 };
    expect(starDiscrepancy([5, 7, 13, 15], grid)).toBeCloseTo(5 / 16, 12);
    expect(starDiscrepancy([0, 1, 4, 5], grid)).toBeCloseTo(3 / 4, 12);
  });
});

describe("what is no grid or no patch is refused by name", () => {
  const sizes = [2.5, 0, -4, Number.NaN, Number.POSITIVE_INFINITY];
  const whole = { rows: 2, columns: 3 };

  it.each(sizes)("%d rows or columns", (size) => {
    for (const name of ["rows", "columns"] as const) {
      const grid = { ...whole, [name]: size };
      const line = `a grid cannot have ${size} ${name}; ${name} must be a positive integer.`;
      for (const refused of [
        () => coverageOf([0], grid, 2),
        () => nearestSquaredDistances([0], grid),
        () => starDiscrepancy([0], grid),
        () => coverageBounds(grid, { keep: 1, regionSize: 2 }),
        () => alignAnchors([1, 1, 1, 1, 1, 1], grid, { keep: 1, regionSize: 2 }),
        () => regionsOf(grid, 2),
        () => patchCount(grid),
        () => largestSquaredDistance(grid),
        () => squaredDistance(grid, 0, 0),
      ])
        expect(refused).toThrow(new UsageError(line));
    }
  });

  it.each([6, -1, 0.5, Number.NaN])("patch %d of six", (p) => {
    const line = `${p} is not one of the 6 patches 0..5.`;
    for (const measure of [
      (anchors: number[]) => coverageOf(anchors, whole, 2),
      (anchors: number[]) => nearestSquaredDistances(anchors, whole),
      (anchors: number[]) => starDiscrepancy(anchors, whole),
    ])
      expect(() => measure([1, p])).toThrow(new UsageError(`anchor ${line}`));
    expect(() => squaredDistance(whole, 0, p)).toThrow(new UsageError(`patch ${line}`));
    expect(() => squaredDistance(whole, p, 0)).toThrow(new UsageError(`patch ${line}`));
  });

  it.each([0, 3, 0.5, Number.NaN])("%d patches kept out of two", (keep) => {
    expect(() => patchesPerRegion([[0], [1]], keep)).toThrow(new UsageError(`cannot keep ${keep} of 2 patches.`));
  });
});

describe("the bounds of stage 1", () => {
  it("of one anchor on 1×3 patches in regions of 2×2", () => {
    const bounds = coverageBounds({ rows: 1, columns: 3 }, { keep: 1, regionSize: 2 });
    expect(Object.fromEntries(Object.entries(bounds).map(([name, { value }]) => [name, value]))).toEqual({
      coveredRegions: 1,
      radius: 2,
      meanDistance: 1,
      discrepancy: expect.closeTo(2 / 3, 12),
      rowGap: 0,
      columnGap: 2,
    });
    expect(bounds.radius.witness).toEqual([0, 1, 4]);
    expect(bounds.meanDistance.reached).toBe(1);
  });

  it("refuses what alignment refuses", () => {
    expect(() => coverageBounds({ rows: 1, columns: 3 }, { keep: 4, regionSize: 2 })).toThrow("cannot keep 4 of 3");
  });
});
