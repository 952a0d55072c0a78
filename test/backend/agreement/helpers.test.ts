import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { distance, on, type Plain } from "./backends.ts";
import { finiteDifferences, gelu } from "./float64.ts";
import { spyOnKernels } from "./spy.ts";

const vector = (...values: number[]): Plain => ({
  shape: [values.length],
  dtype: "float32",
  values: Float32Array.from(values),
});

describe("the distance of two results", () => {
  it("is relative to the largest value, and 0 only where all are the same", () => {
    expect(distance(vector(1, 2, -4), vector(1, 2, -4))).toBe(0);
    expect(distance(vector(1, 2.5, -4), vector(1, 2, -4))).toBe(0.125);
    expect(distance(vector(1, 2.5, -4), vector(1, 2, -4), 10)).toBe(0.05);
    expect(distance(vector(0, 1e-20), vector(0, 0))).toBe(Infinity);
  });

  it("takes NaN and infinities for alike only at the same places", () => {
    expect(distance(vector(NaN, Infinity, 1), vector(NaN, Infinity, 1))).toBe(0);
    for (const other of [vector(1, Infinity, 1), vector(NaN, -Infinity, 1), vector(NaN, Infinity, NaN)]) {
      expect(distance(other, vector(NaN, Infinity, 1))).toBe(Infinity);
      expect(distance(vector(NaN, Infinity, 1), other)).toBe(Infinity);
    }
  });

  it("is infinite between shapes and types that differ", () => {
    expect(distance({ ...vector(1, 2), shape: [1, 2] }, vector(1, 2))).toBe(Infinity);
    expect(distance({ ...vector(1, 2), dtype: "int32" }, vector(1, 2))).toBe(Infinity);
  });
});

describe("the spy", () => {
  it("keeps inputs, attributes and outputs of each different call, and gives the kernels back", async () => {
    await useBackend("cpu");
    const kernel = tf.getKernel("Sum", "cpu").kernelFunc;
    const calls = await spyOnKernels(() =>
      on("cpu", () => [tf.tensor1d([1, 2]).sum(), tf.tensor1d([5, 6]).sum(), tf.tensor1d([5, 6, 7]).sum()]),
    );
    expect(calls.map((call) => call.kernel)).toEqual(["Sum", "Sum"]);
    expect(calls[0]).toMatchObject({ inputs: { x: vector(1, 2) }, attributes: { keepDims: false } });
    expect([...calls[0].outputs[0].values]).toEqual([3]);
    expect(tf.getKernel("Sum", "cpu").kernelFunc).toBe(kernel);
  });

  it("gives the kernels back when the work fails", async () => {
    const kernel = tf.getKernel("Sum", "cpu").kernelFunc;
    await expect(spyOnKernels(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(tf.getKernel("Sum", "cpu").kernelFunc).toBe(kernel);
  });
});

describe("the float64 oracle", () => {
  it("knows GELU to twelve digits, and its slope", () => {
    // Φ(1) = 0.8413447460685429, φ(1) = 0.24197072451914337
    expect(gelu([1])[0]).toBeCloseTo(0.8413447460685429, 12);
    expect(finiteDifferences(gelu, [[1]], [2])[0][0]).toBeCloseTo(2 * (0.8413447460685429 + 0.24197072451914337), 8);
  });
});
