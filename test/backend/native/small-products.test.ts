import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { loadTensorflow } from "../../../src/backend/tensorflow.ts";
import { relativeError, TESTED_BACKENDS } from "../../support.ts";
import { draw, expectClose, onBoth } from "./on-both.ts";

const has = TESTED_BACKENDS.includes("tensorflow");

const run = (name: string, inputs: Record<string, tf.Tensor>, attrs: object = {}) =>
  tf.engine().runKernel(name, inputs as never, attrs as never) as tf.Tensor;

function attention(batch: number, heads: number, keyValueHeads: number, keys: number, width: number) {
  const q = draw([batch, heads, 1, width], 1);
  const [k, v] = [2, 3].map((seed) => draw([batch, keyValueHeads, keys, width], seed));
  return () => run("Attention", { q, k, v });
}

describe.skipIf(!has)(`small products on tensorflow${has ? "" : ": the native backend is not set up"}`, () => {
  // What a test draws is freed behind it.
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [1, 1, 1],
    [1, 64, 128],
    [3, 7, 5],
    [1, 1024, 512],
    [2, 1024, 512],
    [300, 1024, 512],
  ])("are multiplied as x·Wᵀ, and large matrices by the op: %d rows, %d to %d", async (rows, width, out) => {
    const [x, w] = [draw([rows, width], 1) as tf.Tensor2D, draw([out, width], 2) as tf.Tensor2D];
    await expectClose(() => tf.matMul(x, w, false, true));
    const wt = w.transpose() as tf.Tensor2D;
    await expectClose(() => tf.matMul(x, wt));
    await expectClose(() => tf.matMul(x.transpose() as tf.Tensor2D, wt, true));
  });

  it.each([
    [0, [2, 3], [4, 3]],
    [1, [2, 3], [2, 1]],
    [2, [2, 3, 4, 5], [2, 3, 1, 5]],
    [-1, [2, 3, 4], [2, 3, 2]],
    [2, [1, 4, 400, 64], [1, 4, 1, 64]],
  ])("are joined along axis %d: %j and %j", async (axis, first, second) => {
    const parts = [draw(first, 1), draw(second, 2)];
    const [own, wanted] = await onBoth(() => tf.concat(parts, axis));
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
