import { describe, expect, it } from "vitest";
import { largestSquaredDistance } from "../../../src/core/grid.ts";
import { best, quantile } from "../../../src/core/ranking.ts";
import { pillarsAmong } from "../../../src/methods/nuwa/pillars.ts";
import { regionsOf } from "../../../src/methods/nuwa/separation.ts";

/** Examples; what holds for every input is stated in test/properties/selection.test.ts. */
describe("separation", () => {
  it("numbers the regions of the paper's grid as the paper does", () => {
    const regions = regionsOf({ rows: 24, columns: 24 }, 2);
    expect(regions).toHaveLength(144);
    expect(regions[0]).toEqual([0, 1, 24, 25]);
    expect(regions[13]).toEqual([50, 51, 74, 75]);
    expect(largestSquaredDistance({ rows: 24, columns: 24 })).toBe(1058);
  });
});

describe("ranking", () => {
  it("puts the higher score first and, among equals, the lower item", () => {
    expect(best([3, 1, 2, 0], [5, 7, 7, 5], 3)).toEqual([1, 2, 0]);
    expect(best([0, 1], [-0, 0], 1)).toEqual([0]);
  });

  it("has no quantile of no values, or outside [0, 1]", () => {
    expect(() => quantile([], 0.5)).toThrow(/^quantile: of no values/);
    for (const q of [-0.1, 1.1, Number.NaN]) expect(() => quantile([1, 2], q)).toThrow(/^quantile: q .+ \[0, 1\]\.$/);
    expect([quantile([1, 2], 0), quantile([1, 2], 1)]).toEqual([1, 2]);
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
