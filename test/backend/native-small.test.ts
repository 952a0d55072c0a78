import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { loadTensorflow } from "../../src/backend/tensorflow.ts";
import { relativeError, TESTED_BACKENDS } from "../support.ts";

const has = TESTED_BACKENDS.includes("tensorflow");
const draw = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
const run = (name: string, inputs: Record<string, tf.Tensor>, attrs: object = {}) =>
  tf.engine().runKernel(name, inputs as never, attrs as never) as tf.Tensor;

function attention(batch: number, heads: number, keyValueHeads: number, keys: number, width: number) {
  const q = draw([batch, heads, 1, width], 1);
  const [k, v] = [2, 3].map((seed) => draw([batch, keyValueHeads, keys, width], seed));
  return () => run("Attention", { q, k, v });
}

describe.skipIf(!has)(`small tensors on tensorflow${has ? "" : ": the native backend is not set up"}`, () => {
  /** What an op gives on tensorflow, and on wasm, of the same inputs. */
  async function both(work: () => tf.Tensor) {
    const results: { shape: number[]; values: Float32Array }[] = [];
    for (const backend of ["tensorflow", "wasm"]) {
      await useBackend(backend);
      const before = tf.memory().numTensors;
      tf.tidy(() => {
        const result = work();
        results.push({ shape: result.shape, values: result.dataSync() as Float32Array });
      });
      expect(tf.memory().numTensors).toBe(before);
    }
    const [own, wanted] = results;
    expect(own.shape).toEqual(wanted.shape);
    return [own.values, wanted.values];
  }
  const close = async (work: () => tf.Tensor) => {
    const [own, wanted] = await both(work);
    expect(relativeError(own, wanted)).toBeLessThan(2e-6);
  };

  it.each([
    [1, 1],
    [3, 5],
    [2, 3000],
  ])("are added, multiplied and put through a sigmoid: [%d, %d]", async (rows, width) => {
    const two = () => [1, 2].map((seed) => draw([rows, width], seed));
    for (const op of [tf.add, tf.mul]) {
      const [own, wanted] = await both(() => (op as typeof tf.add)(...(two() as [tf.Tensor, tf.Tensor])));
      expect(own).toEqual(wanted);
    }
    await close(() => tf.sigmoid(two()[0]));
    await close(() => tf.sigmoid(tf.fill([rows, width], -200)));
  });

  it("of other shapes or kinds are left to the op", async () => {
    await close(() => draw([3, 5], 1).add(draw([5], 2)));
    await close(() => draw([3, 1], 1).mul(draw([3, 5], 2)));
    const [sums] = await both(() => tf.tensor1d([2 ** 24, 1], "int32").add(tf.tensor1d([1, 1], "int32")));
    expect([...sums]).toEqual([2 ** 24 + 1, 2]);
    const [cells] = await both(() => tf.tensor1d([2 ** 24 + 1, 3], "int32").reshape([2, 1]));
    expect([...cells]).toEqual([2 ** 24 + 1, 3]);
    const [joined] = await both(() => tf.concat([tf.tensor1d([2 ** 24 + 1], "int32"), tf.tensor1d([5], "int32")]));
    expect([...joined]).toEqual([2 ** 24 + 1, 5]);
  });

  it("keep their values in another shape, as copies", async () => {
    await useBackend("tensorflow");
    const x = draw([2, 6], 1);
    const turned = x.reshape([-1, 3, 2]);
    expect(turned.shape).toEqual([2, 3, 2]);
    expect(turned.dataSync()).toEqual(x.dataSync());
    expect(turned.dataSync()).not.toBe(x.dataSync());
    tf.dispose([x, turned]);
  });

  it.each([
    [1, 1, 1],
    [1, 64, 128],
    [3, 7, 5],
    [1, 1024, 512],
    [2, 1024, 512],
    [300, 1024, 512],
  ])("are multiplied as x·Wᵀ, and large matrices by the op: %d rows, %d to %d", async (rows, width, out) => {
    const [x, w] = [draw([rows, width], 1) as tf.Tensor2D, draw([out, width], 2) as tf.Tensor2D];
    await close(() => tf.matMul(x, w, false, true));
    const wt = w.transpose() as tf.Tensor2D;
    await close(() => tf.matMul(x, wt));
    await close(() => tf.matMul(x.transpose() as tf.Tensor2D, wt, true));
  });

  it.each([
    [0, [2, 3], [4, 3]],
    [1, [2, 3], [2, 1]],
    [2, [2, 3, 4, 5], [2, 3, 1, 5]],
    [-1, [2, 3, 4], [2, 3, 2]],
    [2, [1, 4, 400, 64], [1, 4, 1, 64]],
  ])("are joined along axis %d: %j and %j", async (axis, first, second) => {
    const parts = [draw(first, 1), draw(second, 2)];
    const [own, wanted] = await both(() => tf.concat(parts, axis));
    expect(own).toEqual(wanted);
  });

  it.each([
    [1, 1, 1, 1, 2],
    [2, 4, 4, 9, 6],
    [2, 6, 2, 5, 8],
    [1, 4, 2, 700, 64],
  ])("are attended to by one query: batch %d, %d heads, %d of keys, %d keys, width %d", async (...sizes) => {
    await useBackend("tensorflow");
    const own = attention(...sizes)();
    const [batch, heads, keyValueHeads, keys, width] = sizes;
    const q = draw([batch, keyValueHeads, heads / keyValueHeads, width], 1) as tf.Tensor4D;
    const [k, v] = [2, 3].map((seed) => draw([batch, keyValueHeads, keys, width], seed) as tf.Tensor4D);
    const weights = tf.softmax(tf.matMul(q, k, false, true).mul(width ** -0.5)) as tf.Tensor4D;
    expect(own.shape).toEqual([batch, heads, 1, width]);
    expect(relativeError(own.dataSync(), tf.matMul(weights, v).dataSync())).toBeLessThan(2e-6);
  });

  it("are repaired once, however often the backend is loaded", async () => {
    await loadTensorflow();
    const kernels = () => ["BatchMatMul", "Reshape"].map((name) => tf.getKernel(name, "tensorflow").kernelFunc);
    const [product, reshape] = kernels();
    await loadTensorflow();
    expect(kernels()[0]).toBe(product);
    expect(kernels()[1]).toBe(reshape);
  });
});
