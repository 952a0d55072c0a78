import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAverage, solveBudget } from "../../src/pruning/budget.ts";
import { imagePositions, POSITION_POLICIES } from "../../src/pruning/positions.ts";

describe("budgets", () => {
  it.each([
    [64, 112, 16],
    [128, 224, 32],
    [192, 336, 48],
  ])("are the paper's for %s of 576 on average", (average, k, k2) => {
    expect(solveBudget({ tokens: average }, 576, 32, 16)).toEqual({ stage1: k, stage2: k2 });
    expect(solveBudget({ ratio: average / 576 }, 576, 32, 16)).toEqual({ stage1: k, stage2: k2 });
  });

  it("meet the average to rounding on every grid and depth, and keep all when all is asked for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1600 }),
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (total, layers, share) => {
          const cut = Math.floor(layers / 2);
          const tokens = Math.max(1, share * total);
          const { stage1, stage2 } = solveBudget({ ratio: tokens / total }, total, layers, cut);
          expect(stage1).toBeGreaterThanOrEqual(stage2);
          expect(stage1).toBeLessThanOrEqual(total);
          expect(stage2).toBeGreaterThanOrEqual(1);
          const average = (cut * stage1 + (layers - cut) * stage2) / layers;
          // Half a token of rounding behind the cut; k₂ cannot be below 1 nor above k, which an uncut decoder (one layer) shows.
          if (cut > 0 && stage2 > 1 && stage2 < stage1)
            expect(Math.abs(average - tokens)).toBeLessThanOrEqual(0.5 + 1e-9);
          if (tokens === total) expect([stage1, stage2]).toEqual([total, total]);
        },
      ),
    );
  });

  it("refuse more than there is, and less than one token", () => {
    expect(() => solveBudget({ tokens: 577 }, 576, 32, 16)).toThrow(/exceeds the 576/);
    expect(() => solveBudget({ ratio: 0.001 }, 36, 6, 3)).toThrow(/less than one token/);
  });

  it("are written as tokens or as ratios", () => {
    expect(parseAverage("64")).toEqual({ tokens: 64 });
    expect(parseAverage("1/9")).toEqual({ ratio: 1 / 9 });
    expect(parseAverage("0.25")).toEqual({ ratio: 0.25 });
    for (const text of ["", "0", "0/9", "1/0", "-3", "9/1", "1.5", "abc", "1/9/2", "1e3", "NaN", "Infinity", " 64"])
      expect(() => parseAverage(text), text).toThrow(/average/);
  });
});

describe("position ids", () => {
  const cases = fc.integer({ min: 1, max: 600 }).chain((total) =>
    fc.record({
      total: fc.constant(total),
      start: fc.integer({ min: 0, max: 60 }),
      indices: fc
        .uniqueArray(fc.integer({ min: 0, max: total - 1 }), { minLength: 1, maxLength: 50 })
        .map((list) => list.sort((a, b) => a - b)),
    }),
  );

  it("ascend strictly, start no earlier than the image, and end before the text goes on", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(...POSITION_POLICIES), ({ total, start, indices }, policy) => {
        const { visual, next } = imagePositions(policy, indices, start, total);
        expect(visual).toHaveLength(indices.length);
        visual.forEach((id, i) => {
          expect(id).toBeGreaterThan(i === 0 ? start - 1 : visual[i - 1]);
          expect(id).toBeLessThan(next);
        });
      }),
    );
  });

  it("original: cells keep their ids and the text its offset", () => {
    fc.assert(
      fc.property(cases, ({ total, start, indices }) => {
        expect(imagePositions("original", indices, start, total)).toEqual({
          visual: indices.map((cell) => start + cell),
          next: start + total,
        });
      }),
    );
  });

  it("compressed: no gaps", () => {
    expect(imagePositions("compressed", [4, 9, 30], 35, 576)).toEqual({ visual: [35, 36, 37], next: 38 });
  });

  it("rpme: from the first id of the image to its last", () => {
    fc.assert(
      fc.property(cases, ({ total, start, indices }) => {
        const { visual, next } = imagePositions("rpme", indices, start, total);
        expect(visual[0]).toBe(start);
        if (indices.length > 1) expect(visual[visual.length - 1]).toBe(start + total - 1);
        expect(next).toBe(start + total);
      }),
    );
  });

  it("tokens without a place take the id of the one before them, in any order of the others", () => {
    const tokens = [-1, 9, 4, -1, 30, -1];
    expect(imagePositions("original", tokens, 35, 576)).toEqual({ visual: [35, 44, 39, 39, 65, 65], next: 611 });
    expect(imagePositions("compressed", tokens, 35, 576)).toEqual({ visual: [35, 36, 37, 38, 39, 40], next: 41 });
    const stretched = 35 + Math.ceil((9 * 575) / 30);
    expect(imagePositions("rpme", tokens, 35, 576)).toEqual({
      visual: [35, stretched, 35, 35, 610, 610],
      next: 611,
    });
    expect(imagePositions("rpme", [-1], 35, 576)).toEqual({ visual: [35], next: 611 });
  });

  it("all agree when everything is kept", () => {
    const all = Array.from({ length: 36 }, (_, i) => i);
    for (const policy of POSITION_POLICIES)
      expect(imagePositions(policy, all, 7, 36)).toEqual(imagePositions("original", all, 7, 36));
  });
});
