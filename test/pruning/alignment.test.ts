import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignAnchors, pillarsAmong } from "../../src/pruning/alignment.ts";
import { largestSquaredDistance, patchCount, regionsOf, squaredDistance } from "../../src/pruning/grid.ts";
import { best, quantile } from "../../src/pruning/ranking.ts";

const grids = fc.record({ rows: fc.integer({ min: 1, max: 14 }), columns: fc.integer({ min: 1, max: 14 }) });
/** A grid, scores with ties and signed zeros, a budget and a region size. */
const cases = grids.chain((grid) =>
  fc.record({
    grid: fc.constant(grid),
    scores: fc.array(fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1, 1, 2)), {
      minLength: patchCount(grid),
      maxLength: patchCount(grid),
    }),
    keep: fc.integer({ min: 1, max: patchCount(grid) }),
    regionSize: fc.integer({ min: 1, max: 5 }),
  }),
);

describe("separation", () => {
  it("cuts every grid into regions that hold each patch once", () => {
    fc.assert(
      fc.property(grids, fc.integer({ min: 1, max: 6 }), (grid, side) => {
        const patches = regionsOf(grid, side).flat();
        expect(patches.sort((a, b) => a - b)).toEqual(Array.from({ length: patchCount(grid) }, (_, i) => i));
      }),
    );
  });

  it("makes regions no wider and no higher than their side", () => {
    fc.assert(
      fc.property(grids, fc.integer({ min: 1, max: 6 }), (grid, side) => {
        for (const region of regionsOf(grid, side)) {
          const corner = squaredDistance(grid, region[0], region[region.length - 1]);
          expect(region.length).toBeGreaterThan(0);
          expect(corner).toBeLessThanOrEqual(2 * (side - 1) ** 2);
        }
      }),
    );
  });

  it("numbers the regions of the paper's grid as the paper does", () => {
    const regions = regionsOf({ rows: 24, columns: 24 }, 2);
    expect(regions).toHaveLength(144);
    expect(regions[0]).toEqual([0, 1, 24, 25]);
    expect(regions[13]).toEqual([50, 51, 74, 75]);
    expect(largestSquaredDistance({ rows: 24, columns: 24 })).toBe(1058);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses a region size of %s", (side) => {
    expect(() => regionsOf({ rows: 2, columns: 2 }, side)).toThrow(/region size/);
  });
});

describe("alignment", () => {
  it("keeps exactly k patches: unique, ascending, in range", () => {
    fc.assert(
      fc.property(cases, ({ grid, scores, keep, regionSize }) => {
        const kept = alignAnchors(scores, grid, { keep, regionSize });
        expect(kept).toHaveLength(keep);
        kept.forEach((patch, i) => {
          expect(patch).toBeGreaterThan(i === 0 ? -1 : kept[i - 1]);
          expect(patch).toBeLessThan(patchCount(grid));
        });
      }),
    );
  });

  it("covers min(k, #regions) regions, and every patch lies within g√2 of an anchor when it covers all", () => {
    fc.assert(
      fc.property(cases, ({ grid, scores, keep, regionSize }) => {
        const regions = regionsOf(grid, regionSize);
        const kept = new Set(alignAnchors(scores, grid, { keep, regionSize }));
        const covered = regions.filter((region) => region.some((patch) => kept.has(patch))).length;
        if (keep <= regions.length) expect(covered).toBe(keep);
        if (covered < regions.length) return;
        for (let p = 0; p < patchCount(grid); p++) {
          const nearest = Math.min(...[...kept].map((anchor) => squaredDistance(grid, p, anchor)));
          expect(nearest).toBeLessThanOrEqual(2 * regionSize ** 2);
        }
      }),
    );
  });

  it("is blind to the scale of the scores", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(0.5, 2, 1024), ({ grid, scores, keep, regionSize }, scale) => {
        const options = { keep, regionSize };
        const scaled = scores.map((score) => score * scale);
        fc.pre(scaled.every((score, i) => Number.isFinite(score) && score / scale === scores[i]));
        expect(alignAnchors(scaled, grid, options)).toEqual(alignAnchors(scores, grid, options));
      }),
    );
  });

  it("never drops a kept patch whose score rises", () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ grid, scores, keep, regionSize }, which) => {
        const options = { keep, regionSize };
        const kept = alignAnchors(scores, grid, options);
        const raised = kept[which % kept.length];
        const higher = scores.map((score, i) => (i === raised ? score + Math.abs(score) + 1 : score));
        fc.pre(higher.every(Number.isFinite));
        expect(alignAnchors(higher, grid, options)).toContain(raised);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses a score of %s by name",
    (score) => {
      expect(() => alignAnchors([1, score, 3, 4], { rows: 2, columns: 2 }, { keep: 2, regionSize: 2 })).toThrow(
        /salience: the score of item 1/,
      );
    },
  );

  it.each([0, 5, 1.5])("refuses to keep %s of 4 patches", (keep) => {
    expect(() => alignAnchors([1, 2, 3, 4], { rows: 2, columns: 2 }, { keep, regionSize: 2 })).toThrow(/cannot keep/);
  });
});

describe("ranking", () => {
  it("puts the higher score first and, among equals, the lower item", () => {
    expect(best([3, 1, 2, 0], [5, 7, 7, 5], 3)).toEqual([1, 2, 0]);
    expect(best([0, 1], [-0, 0], 1)).toEqual([0]);
  });

  it("has the quantiles of numpy, also where they fall on a value", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2, 5], 0.75)).toBe(4);
    // 0.55·20 is 11.000000000000002 in binary; the quantile is still the value itself.
    const values = Float32Array.from({ length: 21 }, (_, i) => i / 7);
    expect(quantile(values, 0.55)).toBe(values[11]);
    expect(pillarsAmong([...values], quantile(values, 0.55)).filter(Boolean)).toHaveLength(10);
  });

  it.each([
    [112, 50],
    [224, 101],
    [336, 151],
  ])("makes as many pillars of %s anchors as the released code: %s", (k, pillars) => {
    const scores = Array.from({ length: k }, (_, i) => Math.fround(Math.sin(i * 12.9898) * 43758.5453));
    expect(pillarsAmong(scores, quantile(scores, 0.55)).filter(Boolean)).toHaveLength(pillars);
  });
});
