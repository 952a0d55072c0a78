import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type Grid, patchCount, squaredDistance } from "../../src/core/grid.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { fastv } from "../../src/methods/fastv.ts";
import { cellsAtStride, feather } from "../../src/methods/feather.ts";
import type { Method } from "../../src/methods/method.ts";
import type { PositionFunction } from "../../src/methods/nuwa/positions.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { configOf } from "../support-methods.ts";
import { tinyModel } from "../support-tiny.ts";
import { cutOf, paidBy, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** A cut on visual tokens whose keys are given, of which the last token's query, 1, likes the largest. */
function kept(method: ReturnType<typeof feather>, layer: number, keys: readonly number[]): number[] {
  const all = [100, ...keys, 100];
  return cutOf(method, layer, {
    sequence: sequenceOf(1, keys.length, 1),
    tokens: all.map(() => [1]),
    // Attention with positions likes the last ones, and must not be read.
    attention: paidBy(
      all.length - 1,
      all.map((_, i) => i),
    ),
    before: { keys: all.map((key) => [key]) },
  }).keep;
}

/** What is left of a grid behind both cuts. */
function keptTwice(grid: Grid, gridStays: boolean, seed: number): number[] {
  const random = randomFrom(seed);
  const keys = Array.from({ length: patchCount(grid) }, () => normal(random));
  const method = feather({ grids: [grid], layers: [1, 2], gridStays });
  const first = kept(method, 1, keys);
  // The second cut sees cells as they were, though fewer.
  const sequence = sequenceOf(0, keys.length, 1).map((slots) =>
    slots.filter((slot) => slot?.kind !== "visual" || first.includes(slot.cell)),
  );
  const left = [...first.map((cell) => keys[cell]), 0];
  const second = cutOf(method, 2, {
    sequence,
    tokens: left.map(() => [1]),
    attention: paidBy(
      0,
      left.map(() => 1),
    ),
    before: { keys: left.map((key) => [key]) },
  }).keep;
  return second.map((rank) => first[rank]);
}

/** How far the farthest cell is from a kept one. */
function radiusOf(cells: readonly number[], grid: Grid): number {
  const nearest = Array.from({ length: patchCount(grid) }, (_, cell) =>
    Math.min(...cells.map((other) => squaredDistance(grid, cell, other))),
  );
  return Math.sqrt(Math.max(...nearest));
}

const grids = fc.record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) });

describe("FEATHER", () => {
  const grid = { rows: 2, columns: 5 };
  const keys = [0, 9, 1, 2, 3, 7, 8, 0, 0, 0];

  it("keeps the best by attention without positions, and cells at even distances beside them", () => {
    // Three of ten: 1, 6 and 5; rows 0 and columns 0 and 3 stay.
    expect(kept(feather({ grids: [grid], layers: [1] }), 1, keys)).toEqual([0, 1, 3, 5, 6]);
  });

  it("at the second cut keeps 0.09 of what is left by score alone, as released, or the even cells, too", () => {
    const method = feather({ grids: [grid], layers: [1, 2] });
    const many = Array.from({ length: 23 }, (_, i) => (i * 7) % 23);
    // ⌊0.09 · 23⌋ = 2: 21 and 22, which are 7 · 3 and 7 · 13 modulo 23.
    const best = [3, 13];
    expect(kept(method, 2, many)).toEqual(best);
    const staying = kept(feather({ grids: [grid], layers: [1, 2], gridStays: true }), 2, many);
    expect(staying).toEqual([...new Set([...best, 0, 3])].sort((a, b) => a - b));
  });

  it("keeps every third row and column of a grid of any shape, grid after grid", () => {
    expect(cellsAtStride({ grids: [{ rows: 24, columns: 24 }] }, 3)).toHaveLength(64);
    expect(
      cellsAtStride(
        {
          grids: [
            { rows: 1, columns: 4 },
            { rows: 4, columns: 2 },
          ],
        },
        3,
      ),
    ).toEqual([0, 3, 4, 10]);
  });

  it("with gridStays leaves no cell farther than 2√2 from a kept one behind both cuts; as released it may", () => {
    fc.assert(
      fc.property(grids, fc.integer({ min: 1, max: 1e6 }), (shape, seed) => {
        expect(radiusOf(keptTwice(shape, true, seed), shape)).toBeLessThanOrEqual(2 * Math.SQRT2);
      }),
      { numRuns: 50 },
    );
    expect(radiusOf(keptTwice({ rows: 12, columns: 12 }, false, 1), { rows: 12, columns: 12 })).toBeGreaterThan(3);
  });

  it("keeps 172 of 576 by score, at most 236 with the grid", () => {
    const random = randomFrom(3);
    const method = feather({ grids: [{ rows: 24, columns: 24 }], layers: [8, 16] });
    const first = kept(
      method,
      8,
      Array.from({ length: 576 }, () => normal(random)),
    );
    const even = cellsAtStride({ grids: [{ rows: 24, columns: 24 }] }, 3);
    expect(even.every((cell) => first.includes(cell))).toBe(true);
    expect(first.filter((cell) => !even.includes(cell)).length).toBeLessThanOrEqual(172);
    expect(first.length).toBeGreaterThan(172);
    expect(first.length).toBeLessThanOrEqual(236);
  });

  it("keeps the same whatever ids the tokens have, where FastV keeps others", () => {
    const model = tinyModel();
    const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, 16, 16], 0, 1, "float32", 3);
    const inputs = { pixels, prompts: [[1, 7, 3, 9, 11, 20, 5]] };
    const grids = [{ rows: 4, columns: 4 }];
    // Ids from the last to the first, far apart: what enters the first layer is the same.
    const backwards: PositionFunction = (offsets, start) => ({
      visual: offsets.map((_, i) => [start + 7 * (offsets.length - i)]),
      nextPosition: start + 200,
    });
    const keptUnder = (method: Method, positions: Method["positions"]) => {
      const result = runSync(() => forward(model, inputs, { ...method, positions }));
      tf.dispose(tensorsIn(result));
      return result.cuts[0].keep[0];
    };
    const [own, other] = [feather({ grids, layers: [1] }), fastv({ keep: 6, layer: 1 })].map((method) =>
      (["original", "compressed", backwards] as const).map((positions) => String(keptUnder(method, positions))),
    );
    expect(new Set(own).size).toBe(1);
    expect(new Set(other).size).toBeGreaterThan(1);
    pixels.dispose();
    disposeModel(model);
  });

  it("cuts at a quarter and a half of the depth, once where these are one layer, and only behind a layer", () => {
    const cuts = [2, 4, 32].map((layers) => [...createMethod("feather", configOf(24, layers)).cuts.keys()]);
    expect(cuts).toEqual([[1], [1, 2], [8, 16]]);
    for (const layers of [[], [0], [2, 2], [3, 2], [1, 2, 3]])
      expect(() => feather({ grids: [grid], layers })).toThrow(/are not one or two in ascending order, from 1/);
  });

  it("has no budget: it is refused an average other than that of all, which it then keeps", () => {
    for (const average of [{ tokens: 64 }, { ratio: 1 / 9 }])
      expect(() => createMethod("feather", configOf(24, 32), { average })).toThrow(
        "method feather has no budget: it keeps what it has published, so that it cannot be asked for an average. " +
          "Leave the average out.",
      );
    expect(createMethod("feather", configOf(24, 32), { average: { ratio: 1 } }).cuts.size).toBe(0);
  });
});
