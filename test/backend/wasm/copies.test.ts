import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";

beforeAll(() => useBackend("wasm"));

const DTYPES = ["float32", "int32", "bool"] as const;

/** A tensor of any rank up to 4 whose elements can be told apart (as far as bool can tell), and one of its axes. */
const tensors = fc
  .record({
    // Long rows are copied in another way than short ones.
    shape: fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(33)), { minLength: 1, maxLength: 4 }),
    dtype: fc.constantFrom(...DTYPES),
    axis: fc.nat(3),
  })
  .filter(({ shape }) => tf.util.sizeFromShape(shape) < 40_000)
  .map(({ shape, dtype, axis }) => ({ shape, dtype, axis: axis % shape.length }));

/** Element i of the tensor that {@link make} makes. */
const element = (i: number, dtype: string) => (dtype === "bool" ? Number(i % 3 === 0) : i + 1);

function make(shape: readonly number[], dtype: (typeof DTYPES)[number], from = 0): tf.Tensor {
  const values = Array.from({ length: tf.util.sizeFromShape([...shape]) }, (_, i) => element(from + i, dtype));
  return tf.tensor(values, [...shape], dtype);
}

/** What a tensor must hold when its element at `place` is element `source(place)` of a made one. */
function filled(shape: readonly number[], dtype: string, source: (place: number[]) => number): number[] {
  const places = shape.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
  return places.map((place) => element(source(place), dtype));
}

/** Place in memory of an element of a tensor of this shape. */
const flat = (place: readonly number[], shape: readonly number[]) =>
  place.reduce((at, i, axis) => at * shape[axis] + i, 0);

/** Asserts shape, dtype and values, and that nothing else is left behind. */
function check(compute: () => tf.Tensor, shape: readonly number[], dtype: string, values: readonly number[]): void {
  const before = tf.memory().numTensors;
  const result = tf.tidy(compute);
  expect([result.shape, result.dtype]).toEqual([shape, dtype]);
  expect([...result.dataSync()]).toEqual(values);
  result.dispose();
  expect(tf.memory().numTensors).toBe(before);
}

describe("copies on wasm", () => {
  it("slice takes the block that is asked for, of any tensor", () => {
    fc.assert(
      fc.property(tensors, fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), ({ shape, dtype }, numbers) => {
        const begin = shape.map((size, axis) => numbers[axis] % size);
        const size = shape.map((all, axis) => numbers[4 + axis] % (all - begin[axis] + 1));
        const expected = filled(size, dtype, (place) =>
          flat(
            place.map((i, axis) => begin[axis] + i),
            shape,
          ),
        );
        check(() => make(shape, dtype).slice(begin, size), size, dtype, expected);
      }),
    );
  });

  it("gather takes the rows that are asked for, along any axis and as often as they are asked for", () => {
    const wanted = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(tensors, wanted, ({ shape, dtype, axis }, numbers) => {
        const indices = numbers.map((number) => number % shape[axis]);
        const outShape = shape.with(axis, indices.length);
        const expected = filled(outShape, dtype, (place) => flat(place.with(axis, indices[place[axis]]), shape));
        check(() => tf.gather(make(shape, dtype), tf.tensor1d(indices, "int32"), axis), outShape, dtype, expected);
      }),
    );
  });

  it("gather with batch dimensions takes each sample's own rows", () => {
    const indices = [
      [2, 0],
      [1, 1],
    ];
    const expected = filled([2, 2, 5], "float32", ([sample, i, j]) => flat([sample, indices[sample][i], j], [2, 3, 5]));
    const gather = () => tf.gather(make([2, 3, 5], "float32"), tf.tensor2d(indices, undefined, "int32"), 1, 1);
    check(gather, [2, 2, 5], "float32", expected);
  });

  it("gather refuses a row that does not exist instead of reading beside the tensor", () => {
    for (const index of [3, -1]) {
      expect(() => tf.tidy(() => tf.gather(make([3, 2], "float32"), tf.tensor1d([index], "int32")))).toThrow(
        `index ${index} is not in 0..2`,
      );
    }
  });

  it("concat puts tensors side by side along any axis, empty ones too", () => {
    fc.assert(
      fc.property(tensors, fc.nat(3), ({ shape, dtype, axis }, second) => {
        const other = shape.with(axis, second);
        const outShape = shape.with(axis, shape[axis] + second);
        const from = tf.util.sizeFromShape(shape);
        const expected = filled(outShape, dtype, (place) => {
          const beyond = place[axis] - shape[axis];
          return beyond < 0 ? flat(place, shape) : from + flat(place.with(axis, beyond), other);
        });
        check(() => tf.concat([make(shape, dtype), make(other, dtype, from)], axis), outShape, dtype, expected);
      }),
    );
  });

  it("strings, which lie outside the heap, are still sliced and concatenated", () => {
    const words = tf.tensor1d(["in", "the", "house"]);
    expect([...words.slice(1).dataSync()]).toEqual(["the", "house"]);
    expect([...tf.concat([words, words.slice(2)]).dataSync()]).toEqual(["in", "the", "house", "house"]);
  });
});
