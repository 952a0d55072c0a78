import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { adaptiveCentres, prumerge, spreadCentres } from "../../src/methods/prumerge.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Twenty scores of about 1, two of which stand out. */
const scores = Float32Array.from({ length: 20 }, (_, i) => (i === 13 ? 9 : i === 4 ? 7 : 1 + (i % 5) / 10));

describe("PruMerge+", () => {
  it("takes outliers by falling score, then every n-th patch that is not one of them", () => {
    // r = 2/20, ⌊1/r⌋ = 10, a third of it is 3; the last patch of the raster is never among the even ones.
    expect(adaptiveCentres(scores)).toEqual([13, 4, 0, 3, 6, 9, 12, 15, 18]);
  });

  it("calls outlier what lies more than 1.5 interquartile ranges above the third quartile", () => {
    // Quartiles 2.25 and 6.75: the bound is 13.5, above 12 and below 20.
    expect(adaptiveCentres(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 12, 20))).toEqual([9, 0, 3, 6]);
  });

  it("draws the fence at 1.5 interquartile ranges, not beside it, and calls what lies on it no outlier", () => {
    // The bound is 13.5 again; r is one in ten, so that a second outlier would double it and halve the stride.
    expect(adaptiveCentres(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 13.4, 13.6))).toEqual([9, 0, 3, 6]);
    expect(adaptiveCentres(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 13.5, 20))).toEqual([9, 0, 3, 6]);
    expect(adaptiveCentres(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 13.6, 20))).toEqual([9, 8, 0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("never takes the last patch of the raster as one of the even ones, though the stride would lead there", () => {
    // Every third of ten patches would be 0, 3, 6 and 9.
    expect(adaptiveCentres(Float32Array.of(1, 20, 2, 3, 4, 5, 6, 7, 12, 0))).toEqual([1, 0, 3, 6]);
  });

  it("takes the best patch where nothing stands out, instead of dividing by zero", () => {
    const flat = new Float32Array(20).fill(0.05);
    expect(adaptiveCentres(flat)).toEqual([0, 6, 12, 18]);
  });

  it("spreads a given number exactly: a quarter by score, the rest evenly", () => {
    expect(spreadCentres(scores, 8)).toEqual([13, 4, 0, 3, 7, 10, 14, 17]);
    for (let count = 0; count <= 20; count++) expect(new Set(spreadCentres(scores, count)).size).toBe(count);
  });

  it("absorbs the nearest by key, weighted by attention, and sums the rest up in one extra token", () => {
    // The class token's query picks the first channel of the keys: shares e^2 : e : 1 : 1 of patches 0-3, and of
    // itself.
    const queries = [
      [Math.SQRT2, 0],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ];
    const keys = [
      [0, 1],
      [2, 0],
      [1, 0.1],
      [0, 1],
      [0, -1],
    ];
    const sum = Math.exp(2) + Math.exp(1) + 3;
    const share = [Math.exp(2), Math.exp(1), 1, 1].map((value) => value / sum);
    const wanted = [
      [1, share[1], 0, 0],
      [share[0], 1, 0, 0],
      [0, 0, share[2], share[3]],
    ];
    // However many heads the tower has, the attention is that of a single one over the full width.
    for (const heads of [1, 2]) {
      const shown = { rows: 2, columns: 2, queries, keys, heads };
      const { cells, weights } = chosen(prumerge({ keep: 3, neighbours: 1 }), shown);
      expect(cells).toEqual([0, 1, -1]);
      weights?.forEach((row, i) => {
        row.forEach((weight, j) => {
          expect(weight).toBeCloseTo(wanted[i][j], 6);
        });
      });
    }
  });

  it("scores by the last block of the tower, not by that of the features", () => {
    const { cells } = chosen(prumerge({ keep: 3 }), { rows: 2, columns: 2, favourites: [1, 2, 3] });
    expect(cells).toEqual([3, 0, -1]);
  });

  it("absorbs 32 patches of 576 into each kept one when nothing else is said, and that share of other grids", () => {
    for (const [rows, columns, absorbed] of [
      [24, 24, 32],
      [12, 12, 8],
      // 27/18 = 1.5
      [3, 9, 2],
      [2, 2, 1],
    ]) {
      const { weights } = chosen(prumerge({ keep: 3 }), { rows, columns });
      expect(weights?.[0].filter((weight) => weight > 0)).toHaveLength(1 + absorbed);
    }
  });
});
