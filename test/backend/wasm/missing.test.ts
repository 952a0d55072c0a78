import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { leaked } from "../../support.ts";

beforeAll(() => useBackend("wasm"));

/** Rows of x added up where `ids` says; ids that are not among the segments are dropped. */
function naive(x: readonly number[][], ids: readonly number[], segments: number): number[][] {
  const sums = Array.from({ length: segments }, () => x[0].map(() => 0));
  ids.forEach((id, row) => {
    if (id >= 0 && id < segments)
      x[row].forEach((value, i) => {
        sums[id][i] += value;
      });
  });
  return sums;
}

describe("unsortedSegmentSum on wasm", () => {
  it("adds up repeated ids, drops those out of range, and fills the rest with zeros", () => {
    // Small integers, so that the sums are exact in whatever order they are made.
    const row = fc.record({ id: fc.integer({ min: -2, max: 8 }), value: fc.integer({ min: -99, max: 99 }) });
    const property = fc.property(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom("float32" as const, "int32" as const),
      (rows, segments, width, dtype) =>
        tf.tidy(() => {
          const x = rows.map(({ value }) => Array.from({ length: width }, (_, i) => value + i));
          const ids = rows.map(({ id }) => id);
          const sums = tf.unsortedSegmentSum(tf.tensor2d(x, undefined, dtype), tf.tensor1d(ids, "int32"), segments);
          expect(sums.dtype).toBe(dtype);
          expect(sums.arraySync()).toEqual(naive(x, ids, segments));
        }),
    );
    fc.assert(property, { numRuns: 200, seed: 1 });
  });

  it("works on single numbers, on higher ranks, and on no rows at all", () => {
    tf.tidy(() => {
      const ids = (...values: number[]) => tf.tensor1d(values, "int32");
      expect(tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4]), ids(1, 1, 0), 3).arraySync()).toEqual([4, 3, 0]);
      expect(tf.unsortedSegmentSum(tf.ones([2, 1, 2]), ids(1, 1), 2).arraySync()).toEqual([[[0, 0]], [[2, 2]]]);
      expect(tf.unsortedSegmentSum(tf.zeros([0, 2]), ids(), 2).arraySync()).toEqual([
        [0, 0],
        [0, 0],
      ]);
      expect(tf.unsortedSegmentSum(tf.ones([2, 2]), ids(0, 1), 0).shape).toEqual([0, 2]);
    });
  });

  it("is the gradient of gather, along either axis, with rows that are taken twice or never", () => {
    tf.tidy(() => {
      const x = tf.ones([4, 3]);
      const rows = tf.tensor1d([2, 0, 2], "int32");
      const dy = tf.tensor2d([
        [1, 2, 3],
        [4, 5, 6],
        [10, 20, 30],
      ]);
      const gradient = tf.grad((y) => tf.gather(y, rows))(x, dy);
      expect(gradient.arraySync()).toEqual([
        [4, 5, 6],
        [0, 0, 0],
        [11, 22, 33],
        [0, 0, 0],
      ]);
      const columns = tf.grad((y) => tf.gather(y, rows, 1))(x, tf.ones([4, 3]));
      expect(columns.arraySync()).toEqual(new Array(4).fill([1, 0, 2]));
    });
  });

  it("leaves nothing behind but its result", async () => {
    const [x, ids] = [tf.ones([2, 2]), tf.tensor1d([0, 0], "int32")];
    expect(await leaked(() => tf.unsortedSegmentSum(x, ids, 1).dispose())).toBe(0);
    tf.dispose([x, ids]);
  });
});
