import fc from "fast-check";
import { expect } from "vitest";
import { patchCount } from "../../src/core/grid.ts";
import { parseAverage, sharedOut } from "../../src/methods/budget.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer, type SampleLedger } from "../../src/methods/ledger.ts";
import { solveBudget } from "../../src/methods/nuwa/budget.ts";
import { cellCount } from "../../src/model/image-shape.ts";
import { law } from "./law.ts";

/** Family: how an average is split over the two cuts. */

/** Any grid up to 40×40, any depth, any average from one token to all. */
const cases = fc
  .record({
    total: fc.integer({ min: 1, max: 1600 }),
    layers: fc.integer({ min: 1, max: 40 }),
    share: fc.oneof(fc.constantFrom(1 / 9, 2 / 9, 1 / 3, 4 / 7, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    place: fc.nat(),
  })
  .map(({ total, layers, share, place }) => ({
    total,
    layers,
    cut: place % layers,
    tokens: Math.max(1, share * total),
  }));

law("1 ≤ k₂ ≤ k ≤ N, all whole, for every grid, depth and average.", cases, ({ total, layers, cut, tokens }) => {
  const { stage1, stage2 } = solveBudget({ tokens }, total, layers, cut);
  expect([stage1, stage2].every(Number.isInteger)).toBe(true);
  expect(1 <= stage2 && stage2 <= stage1 && stage1 <= total).toBe(true);
});
law(
  "The split meets the average to half a token behind the cut, wherever 1 < k₂ < k.",
  cases,
  ({ total, layers, cut, tokens }) => {
    const { stage1, stage2 } = solveBudget({ tokens }, total, layers, cut);
    if (stage2 === 1 || stage2 === stage1) return;
    const excess = cut * stage1 + (layers - cut) * stage2 - layers * tokens;
    expect(Math.abs(excess)).toBeLessThanOrEqual(0.5 * (layers - cut) + 1e-6);
  },
);
law("k is 7/4 of the average to half a token, or the whole grid.", cases, ({ total, layers, cut, tokens }) => {
  const { stage1 } = solveBudget({ tokens }, total, layers, cut);
  if (stage1 < total) expect(Math.abs(stage1 - (7 / 4) * tokens)).toBeLessThanOrEqual(0.5);
  else expect((7 / 4) * tokens + 0.5).toBeGreaterThanOrEqual(total);
});
law("Asking for all tokens keeps all tokens, in both stages.", cases, ({ total, layers, cut }) => {
  expect(solveBudget({ tokens: total }, total, layers, cut)).toEqual({ stage1: total, stage2: total });
});
law("A ratio of the tokens and as many tokens are the same budget.", cases, ({ total, layers, cut, tokens }) => {
  const whole = Math.floor(tokens);
  const [ratio, count] = [{ ratio: whole / total }, { tokens: whole }].map((average) =>
    solveBudget(average, total, layers, cut),
  );
  expect(ratio).toEqual(count);
});
law(
  "Tokens and ratios read back what was written.",
  fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 })),
  ([a, b]) => {
    const [small, large] = [Math.min(a, b), Math.max(a, b)];
    expect(parseAverage(String(a))).toEqual({ tokens: a });
    expect(parseAverage(`${small}/${large}`)).toEqual({ ratio: small / large });
    const decimals = (small / (large + 1)).toFixed(4);
    if (Number(decimals) > 0 && Number(decimals) < 1)
      expect(parseAverage(decimals)).toEqual({ ratio: Number(decimals) });
  },
);
law(
  "The ledger's two averages are (ℓk + (L−ℓ)k₂)/L entering, and (ℓ−1) and (L−ℓ+1) in their place leaving.",
  cases,
  ({ total, layers, cut: place, tokens }) => {
    const cut = Math.max(1, place);
    if (layers === 1) return;
    const { stage1: k, stage2: k2 } = solveBudget({ tokens }, total, layers, cut);
    const entered = (rank: number) => ({ firstLayer: 0, layers: rank < k2 ? layers : cut });
    const ledger = { layers, tokens: Array.from({ length: k }, (_, rank) => entered(rank)) } as unknown as SampleLedger;
    expect(averageTokens(enteringPerLayer(ledger))).toBeCloseTo((cut * k + (layers - cut) * k2) / layers, 9);
    expect(averageTokens(leavingPerLayer(ledger))).toBeCloseTo(((cut - 1) * k + (layers - cut + 1) * k2) / layers, 9);
  },
);

const shared = fc
  .array(
    fc.record({
      rows: fc.integer({ min: 1, max: 20 }),
      columns: fc.integer({ min: 1, max: 20 }),
      tiles: fc.integer({ min: 1, max: 6 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .chain((grids) =>
    fc.record({
      grids: fc.constant(grids),
      tiles: fc.constant(grids.map(({ tiles }) => tiles)),
      count: fc.integer({ min: 1, max: cellCount({ grids }) }),
    }),
  );
law(
  "Shared out over the grids of an image, a budget is met but for less than one token a tile, unless a grid is kept whole; no grid keeps more than it has.",
  shared,
  ({ grids, tiles, count }) => {
    const all = tiles.reduce((sum, own) => sum + own, 0);
    if (count < all && count < cellCount({ grids })) {
      expect(() => sharedOut(count, { grids, tiles })).toThrow(/less than one for each/);
      return;
    }
    const shares = sharedOut(count, { grids, tiles });
    const missing = count - shares.reduce((sum, share) => sum + share, 0);
    const whole = grids.some((grid, i) => shares[i] === patchCount(grid));
    expect(missing).toBeGreaterThanOrEqual(0);
    if (!whole) expect(missing).toBeLessThan(all);
    grids.forEach((grid, i) => {
      expect(Number.isInteger(shares[i]) && shares[i] >= 1 && shares[i] <= patchCount(grid)).toBe(true);
    });
  },
);
