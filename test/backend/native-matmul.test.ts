import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { loadTensorflow } from "../../src/backend/tensorflow.ts";
import { leaked, relativeError, TESTED_BACKENDS } from "../support.ts";

const has = TESTED_BACKENDS.includes("tensorflow");

describe.skipIf(!has)(`x·Wᵀ of large matrices${has ? "" : ": the native backend is not set up"}`, () => {
  it("is the product without transposition, and leaves no tensor behind", async () => {
    await useBackend("tensorflow");
    const work = () =>
      tf.tidy(() => {
        for (const rows of [1, 2, 300]) {
          const x = tf.randomNormal([rows, 1024], 0, 1, "float32", 1) as tf.Tensor2D;
          const w = tf.randomNormal([512, 1024], 0, 1, "float32", 2) as tf.Tensor2D;
          const product = tf.matMul(x, w, false, true);
          expect(product.shape).toEqual([rows, 512]);
          const wanted = tf.matMul(x, w.transpose() as tf.Tensor2D).dataSync();
          expect(relativeError(product.dataSync(), wanted)).toBeLessThan(1e-5);
        }
      });
    expect(await leaked(work)).toBe(0);
  });

  it("is repaired once, however often the backend is loaded", async () => {
    await loadTensorflow();
    const kernels = () => ["BatchMatMul", "Reshape"].map((name) => tf.getKernel(name, "tensorflow").kernelFunc);
    const [product, reshape] = kernels();
    await loadTensorflow();
    expect(kernels()[0]).toBe(product);
    expect(kernels()[1]).toBe(reshape);
  });
});
