import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import type { WasmInternals } from "../../../src/backend/wasm/internals.ts";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import { relativeError } from "../../support.ts";

const random = randomFrom(7);
const filled = (...shape: number[]) =>
  tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => normal(random)),
    shape,
  );

/** The product of two matrices as nested loops in float64. */
function naive(a: tf.Tensor, b: tf.Tensor, transposeA = false, transposeB = false): number[] {
  const [left, right] = [a, b].map((x) => x.dataSync());
  const [rowsA, columnsA] = a.shape.slice(-2);
  const [rowsB, columnsB] = b.shape.slice(-2);
  const [m, k, n] = [transposeA ? columnsA : rowsA, transposeA ? rowsA : columnsA, transposeB ? rowsB : columnsB];
  const batches = Math.max(left.length / (m * k || 1), right.length / (k * n || 1));
  const product: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const [startA, startB] = [(batch * m * k) % (left.length || 1), (batch * k * n) % (right.length || 1)];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          sum +=
            left[startA + (transposeA ? p * m + i : i * k + p)] * right[startB + (transposeB ? j * k + p : p * n + j)];
        }
        product.push(sum);
      }
    }
  }
  return product;
}

/** Asserts that a product is right, and frees it. */
function check(a: tf.Tensor, b: tf.Tensor, transposeA = false, transposeB = false): void {
  const product = tf.matMul(a, b, transposeA, transposeB);
  expect(relativeError(product.dataSync(), naive(a, b, transposeA, transposeB))).toBeLessThan(1e-5);
  product.dispose();
}

beforeAll(() => useBackend("wasm"));

describe("matMul on wasm", () => {
  it("equals nested loops for every shape, transposition and batch, one of which may be broadcast", () => {
    const size = fc.integer({ min: 1, max: 20 });
    const batches = fc.constantFrom(
      [[], []],
      [[1], [1]],
      [[3], [3]],
      [
        [2, 3],
        [2, 3],
      ],
      [[3], [1]],
      [
        [1, 1],
        [2, 2],
      ],
      [[4], []],
    );
    const property = fc.property(
      fc.record({ m: size, k: size, n: size, batches, transposeA: fc.boolean(), transposeB: fc.boolean() }),
      ({ m, k, n, batches: [batchA, batchB], transposeA, transposeB }) =>
        tf.tidy(() => {
          const a = filled(...batchA, ...(transposeA ? [k, m] : [m, k]));
          const b = filled(...batchB, ...(transposeB ? [n, k] : [k, n]));
          check(a, b, transposeA, transposeB);
        }),
    );
    fc.assert(property, { numRuns: 300, seed: 1 });
  });

  it.each([
    [1, 300, 1],
    [1, 1, 300],
    [300, 1, 1],
    [65, 67, 63],
    [7, 4097, 9],
  ])("equals nested loops for %i×%i times ×%i", (m, k, n) => {
    tf.tidy(() => {
      for (const transposeA of [false, true]) {
        for (const transposeB of [false, true])
          check(
            filled(...(transposeA ? [k, m] : [m, k])),
            filled(...(transposeB ? [n, k] : [k, n])),
            transposeA,
            transposeB,
          );
      }
    });
  });

  it("makes zeros of a sum over nothing, and nothing of empty matrices", () => {
    tf.tidy(() => {
      filled(4, 5, 6).dispose(); // so that the memory for the zeros has been used
      expect([...tf.matMul(tf.ones([4, 0]), tf.ones([0, 3])).dataSync()]).toEqual(new Array(12).fill(0));
      expect([...tf.matMul(tf.ones([2, 4, 0]), tf.ones([2, 0, 1])).dataSync()]).toEqual(new Array(8).fill(0));
      expect(tf.matMul(tf.ones([0, 2]), tf.ones([2, 3])).shape).toEqual([0, 3]);
      expect(tf.matMul(tf.ones([0, 4, 2]), tf.ones([0, 2, 3])).shape).toEqual([0, 4, 3]);
    });
  });

  it("multiplies a tensor with itself", () => {
    tf.tidy(() => {
      const [square, wide, batch] = [filled(6, 6), filled(3, 9), filled(2, 5, 5)];
      check(square, square);
      check(wide, wide, false, true);
      check(wide, wide, true, false);
      check(batch, batch, true, true);
    });
  });

  it("sees data that tensors of different shapes share in the shape of each", () => {
    tf.tidy(() => {
      const w = filled(6, 8);
      const shapes = [
        [6, 8],
        [8, 6],
        [4, 12],
        [1, 48],
        [48, 1],
        [2, 4, 6],
        [6, 8],
      ];
      for (const shape of [...shapes, ...shapes]) {
        const same = w.reshape(shape);
        check(filled(...shape.slice(0, -2), 3, shape.at(-2) as number), same);
        check(filled(...shape.slice(0, -2), 3, shape.at(-1) as number), same, false, true);
      }
    });
  });

  it("takes slices, parts of a batch and results of other products as factors", () => {
    tf.tidy(() => {
      const x = filled(7, 9);
      check(x.slice([2, 1], [4, 5]), x.slice([0, 3], [5, 6]));
      const parts = filled(3, 4, 4).unstack();
      check(parts[2], parts[0]);
      let power = parts[1];
      for (let i = 0; i < 5; i++) {
        check(power, power);
        power = tf.matMul(power, parts[1]).div(4);
      }
    });
  });

  it("follows the data when tensors are freed and made anew", () => {
    for (let round = 0; round < 200; round++) {
      tf.tidy(() => check(filled(2, 8), filled(8, 8)));
    }
    const w = tf.variable(filled(5, 5));
    for (let round = 0; round < 20; round++) {
      tf.tidy(() => {
        check(tf.eye(5), w);
        w.assign(filled(5, 5));
      });
    }
    w.dispose();
  });

  it("does not care in which order factors, copies and products are freed", () => {
    const [a, b] = [filled(3, 4), filled(4, 5)];
    const [first, copy, view] = [tf.matMul(a, b), b.clone(), b.reshape([5, 4])];
    const wanted = naive(a, b);
    b.dispose();
    const second = tf.matMul(a, copy);
    copy.dispose();
    a.dispose();
    expect(relativeError(first.dataSync(), wanted)).toBeLessThan(1e-6);
    first.dispose();
    expect(relativeError(second.dataSync(), wanted)).toBeLessThan(1e-6);
    tf.tidy(() => check(filled(2, 5), view));
    tf.dispose([second, view]);
  });

  it("leaves neither tensors nor heap behind after 2000 products", () => {
    const heap = () => (tf.backend() as unknown as WasmInternals & { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
    const [w, batch] = [filled(64, 64), filled(4, 64, 64)];
    const work = () =>
      tf.tidy(() => {
        const x = tf.matMul(w, filled(64, 64));
        tf.matMul(batch, x.expandDims(0).tile([4, 1, 1]), true, true);
        tf.matMul(x, w.reshape([32, 128]).transpose().reshape([64, 64]));
        tf.matMul(x.reshape([128, 32]), w.reshape([32, 128]));
      });
    for (let i = 0; i < 50; i++) work();
    const [tensors, bytes] = [tf.memory().numTensors, heap()];
    for (let i = 0; i < 500; i++) work();
    expect([tf.memory().numTensors, heap()]).toEqual([tensors, bytes]);
    tf.dispose([w, batch]);
  });

  it("refuses what it would compute wrongly: other types, sizes and batches that do not fit", () => {
    expect(() => tf.matMul(tf.ones([2, 2], "int32"), tf.ones([2, 2], "int32"))).toThrow(
      /int32 .* not supported on wasm/,
    );
    expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))).toThrow(/inner/i);
    expect(() => tf.matMul(tf.ones([2, 1, 2, 3]), tf.ones([1, 3, 3, 2]))).toThrow(/cannot be broadcast/);
    expect(() => tf.matMul(tf.ones([2, 2, 3]), tf.ones([3, 3, 2]))).toThrow(/broadcast/i);
  });
});
