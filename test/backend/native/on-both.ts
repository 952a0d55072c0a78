import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { relativeError } from "../../support.ts";

/** What some ops give on tensorflow, and on wasm, of the same inputs. */
export async function onBoth(work: () => tf.Tensor): Promise<[own: Float32Array, wanted: Float32Array]> {
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

/** They give nearly the same. */
export async function expectClose(work: () => tf.Tensor): Promise<void> {
  const [own, wanted] = await onBoth(work);
  expect(relativeError(own, wanted)).toBeLessThan(2e-6);
}

/** Normal draws. */
export const draw = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);
