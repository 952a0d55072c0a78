import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastvBudget } from "../../src/methods/fastv.ts";
import { pyramidBudget } from "../../src/methods/pyramiddrop.ts";
import { meanEntering } from "../../src/methods/schedule.ts";
import { recycledCounts, sparsevlmBudget } from "../../src/methods/sparsevlm/budget.ts";
import { tomeBudget } from "../../src/methods/tome.ts";
import { visionzipBudget } from "../../src/methods/visionzip.ts";

const LLAVA = { total: 576, layers: 32 };

describe("published budgets at 192, 128 and 64 of 576 tokens", () => {
  it.each([
    [2, [166, 98, 30]],
    [3, [152, 82, 11]],
  ])("are FastV's for K = %d", (layer, wanted) => {
    expect([192, 128, 64].map((tokens) => fastvBudget({ tokens }, LLAVA, layer))).toEqual(wanted);
    expect([3, 4.5, 9].map((part) => fastvBudget({ ratio: 1 / part }, LLAVA, layer))).toEqual(wanted);
  });

  it.each([
    [192, [300, 200, 110]],
    [128, [303, 110, 36]],
    [64, [66, 30, 17]],
  ])("are SparseVLM's for %d", (tokens, wanted) => {
    for (const average of [{ tokens }, { ratio: tokens / 576 }]) {
      const budget = sparsevlmBudget(average, LLAVA);
      expect(budget.map(({ keep }) => keep)).toEqual(wanted);
      expect(budget.map(({ layer }) => layer)).toEqual([3, 7, 16]);
    }
  });

  it.each([
    [33, [22, 10, 6], [3, 7, 17]],
    [40, [10, 4, 2], [4, 9, 20]],
  ])("are not SparseVLM's in a decoder of %d layers, where recycled tokens count", (layers, keeps, cuts) => {
    const budget = sparsevlmBudget({ tokens: 64 }, { total: 576, layers });
    expect(budget.map(({ keep }) => keep)).toEqual(keeps);
    expect(budget.map(({ layer }) => layer)).toEqual(cuts);
  });

  it("have SparseVLM recycle the better 30 % of the dropped tokens and one more, into a tenth and one more", () => {
    expect([0, 1, 10, 100, 366].map(recycledCounts)).toEqual([
      { sources: 0, clusters: 0 },
      { sources: 1, clusters: 1 },
      { sources: 4, clusters: 1 },
      { sources: 31, clusters: 4 },
      { sources: 110, clusters: 12 },
    ]);
  });

  it("are VisionZip's", () => {
    expect([64, 128, 192].map((tokens) => visionzipBudget({ tokens }, 576))).toEqual([
      { dominant: 54, contextual: 10 },
      { dominant: 108, contextual: 20 },
      { dominant: 162, contextual: 30 },
    ]);
  });
});

describe("solved budgets", () => {
  const models = fc.record({ total: fc.integer({ min: 4, max: 1600 }), layers: fc.integer({ min: 4, max: 40 }) });
  const ratios = fc.double({ min: 0, max: 1, noNaN: true });

  it("of FastV and PyramidDrop meet the average to rounding, unless one token behind the cuts is too many", () => {
    fc.assert(
      fc.property(models, ratios, (size, ratio) => {
        const tokens = Math.max(1, ratio * size.total);
        const layer = size.layers < 16 ? 1 : 2;
        const fast = [{ layer, keep: fastvBudget({ ratio: tokens / size.total }, size, layer) }];
        for (const budget of [fast, pyramidBudget({ ratio: tokens / size.total }, size)]) {
          const keeps = [size.total, ...budget.map(({ keep }) => keep)];
          keeps.forEach((keep, i) => {
            expect(keep).toBeGreaterThanOrEqual(1);
            expect(keep).toBeLessThanOrEqual(keeps[Math.max(0, i - 1)]);
          });
          const least = meanEntering(
            budget.map((cut) => ({ ...cut, keep: 1 })),
            size,
          );
          const wanted = Math.max(tokens, least);
          expect(Math.abs(meanEntering(budget, size) - wanted)).toBeLessThanOrEqual(1.01);
        }
      }),
    );
  });

  it("of SparseVLM meet the average with the recycled tokens counted, unless the first layers cost more", () => {
    fc.assert(
      fc.property(models, ratios, (size, ratio) => {
        const tokens = Math.max(1, ratio * size.total);
        const budget = sparsevlmBudget({ ratio: tokens / size.total }, size);
        let left = size.total;
        const entering = budget.map(({ layer, keep }) => {
          const kept = Math.min(keep, left);
          left = kept + recycledCounts(left - kept).clusters;
          return { layer, keep: left };
        });
        const mean = meanEntering(entering, size);
        const most = Math.max(...budget.map(({ keep }) => keep));
        // The published lists are taken as they are in 32 layers; a family that is at its floor cannot fall.
        if (size.layers !== 32 && most > 1) expect(Math.abs(mean - tokens)).toBeLessThan(0.02 * size.total + 3);
        if (most === 1) expect(mean).toBeGreaterThanOrEqual(Math.min(tokens - 3, size.total / size.layers));
      }),
    );
  });

  it("of PyramidDrop shorten the first stages where the published ones alone would cost too much", () => {
    expect(pyramidBudget({ tokens: 192 }, LLAVA).map(({ layer }) => layer)).toEqual([8, 16, 24]);
    expect(pyramidBudget({ tokens: 64 }, LLAVA).map(({ layer }) => layer)).toEqual([2, 4, 6]);
    expect(meanEntering(pyramidBudget({ tokens: 192 }, LLAVA), LLAVA)).toBeCloseTo(192, 0);
  });

  it("of ToMe end at the number of tokens, in even steps where half of the patches a block allows it", () => {
    const merged = tomeBudget({ tokens: 64 }, 576, 23);
    expect(merged.reduce((sum, count) => sum + count, 0)).toBe(512);
    expect(Math.max(...merged) - Math.min(...merged)).toBeLessThanOrEqual(1);
    // A shallow tower takes longer steps early, and does what it can.
    expect(tomeBudget({ tokens: 16 }, 144, 4)).toEqual([32, 48, 32, 16]);
    expect(tomeBudget({ tokens: 2 }, 16, 2)).toEqual([8, 4]);
  });

  it("keep everything when everything is asked for, and refuse what does not fit", () => {
    expect(fastvBudget({ ratio: 1 }, LLAVA, 2)).toBe(576);
    for (const cut of [...sparsevlmBudget({ ratio: 1 }, LLAVA), ...pyramidBudget({ ratio: 1 }, LLAVA)])
      expect(cut.keep).toBe(576);
    expect(tomeBudget({ ratio: 1 }, 16, 2)).toEqual([0, 0]);
    for (const solve of [fastvBudget, sparsevlmBudget, pyramidBudget] as const)
      expect(() => solve({ tokens: 577 }, LLAVA, 2)).toThrow(/exceeds the 576/);
  });
});
