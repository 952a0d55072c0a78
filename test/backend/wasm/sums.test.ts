import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { relativeError } from "../../support.ts";

beforeAll(() => useBackend("wasm"));

/** Sums over some axes as a walk over all places, in float64. */
function naive(values: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): number[] {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const sums = new Array<number>(tf.util.sizeFromShape(kept)).fill(0);
  for (let at = 0; at < values.length; at++) {
    const place = tf.util.indexToLoc(at, shape.length, tf.util.computeStrides([...shape]));
    const target = place.map((index, axis) => (axes.includes(axis) ? 0 : index));
    sums[target.reduce((flat, index, axis) => flat * kept[axis] + index, 0)] += values[at];
  }
  return sums;
}

describe("sums on wasm", () => {
  it("equal a walk over all places, for every shape and every set of axes", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 });
    const cases = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axes: fc.shuffledSubarray([...shape.keys()], { minLength: 1 }),
        keepDims: fc.boolean(),
        seed: fc.integer(),
      }),
    );
    const property = fc.property(cases, ({ shape, axes, keepDims, seed }) =>
      tf.tidy(() => {
        const x = tf.randomUniform(shape, -1, 1, "float32", seed);
        const count = axes.reduce((product, axis) => product * shape[axis], 1);
        const wanted = naive(x.dataSync(), shape, axes);
        const [sum, mean] = [x.sum(axes, keepDims), x.mean(axes, keepDims)];
        const left = shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]));
        expect([sum.shape, mean.shape]).toEqual([left, left]);
        wanted.forEach((value, i) => {
          expect(sum.dataSync()[i]).toBeCloseTo(value, 5);
          expect(mean.dataSync()[i]).toBeCloseTo(value / count, 5);
        });
      }),
    );
    fc.assert(property, { numRuns: 200, seed: 1 });
  });

  it.each([
    [[1], [1, 1_000_003]],
    [[0], [100_003, 3]],
    [
      [0, 2],
      [301, 2, 1000],
    ],
  ])("are right to float32's last digits however many numbers there are (axes %j of %j)", (axes, shape) => {
    tf.tidy(() => {
      const x = tf.fill(shape, 0.1);
      const wanted = naive(x.dataSync(), x.shape, axes);
      expect(relativeError(x.sum(axes).dataSync(), wanted)).toBeLessThan(1e-7);
      expect(
        relativeError(
          x.mean(axes).dataSync(),
          wanted.map(() => Math.fround(0.1)),
        ),
      ).toBeLessThan(1e-7);
    });
  });

  it("over nothing are 0, and means NaN", () => {
    tf.tidy(() => {
      tf.fill([64], 7).dispose(); // so that the memory has been used
      expect([...tf.zeros([3, 0]).sum(1).dataSync()]).toEqual([0, 0, 0]);
      expect([...tf.zeros([0, 3]).sum(0).dataSync()]).toEqual([0, 0, 0]);
      expect([...tf.zeros([0]).sum().dataSync()]).toEqual([0]);
      expect([...tf.zeros([2, 0]).mean(1).dataSync()]).toEqual([NaN, NaN]);
      expect(tf.zeros([0, 3]).sum(1).shape).toEqual([0]);
    });
  });

  it("of a scalar are the scalar, of integers and truth values integers", () => {
    tf.tidy(() => {
      expect(tf.scalar(3).sum().dataSync()[0]).toBe(3);
      const integers = tf.tensor2d(
        [
          [1, 2],
          [3, 4],
        ],
        [2, 2],
        "int32",
      );
      expect([integers.sum(0).dtype, ...integers.sum(0).dataSync()]).toEqual(["int32", 4, 6]);
      expect(integers.mean().dataSync()[0]).toBe(2.5);
      expect(tf.tensor1d([1, 0, 1], "bool").sum().dataSync()[0]).toBe(2);
    });
  });

  it("carry NaN and infinities", () => {
    tf.tidy(() => {
      const x = tf.tensor2d([
        [1, NaN],
        [Infinity, 1],
        [Infinity, -Infinity],
      ]);
      expect([...x.sum(1).dataSync()]).toEqual([NaN, Infinity, NaN]);
    });
  });
});
