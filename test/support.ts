import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { loadTensorflow } from "../src/backend/tensorflow.ts";
import { openSafetensors, readTensor } from "../src/io/safetensors.ts";
import type { EncodedGrid, EncodedImages } from "../src/model/vlm.ts";

/** A path below test/fixtures/. */
export function fixturePath(...parts: string[]): string {
  return fileURLToPath(new URL(["fixtures", ...parts].join("/"), import.meta.url));
}

/** The reference outputs of a fixture folder. */
export interface Expected {
  readonly names: readonly string[];
  floats(name: string): Float32Array;
  integers(name: string): number[];
  shape(name: string): readonly number[];
}

/** Opens `expected.safetensors` of a fixture, or another file of reference outputs. */
export function expected(fixture: string, name = "expected.safetensors"): Expected {
  const file = openSafetensors(fixturePath(fixture, name));
  return {
    names: [...file.entries.keys()],
    floats: (name) => readTensor(file, name).values as Float32Array,
    integers: (name) => [...readTensor(file, name).values],
    shape: (name) => readTensor(file, name).shape,
  };
}

/** ‖a − b‖ / ‖b‖; infinite when the lengths differ. */
export function relativeError(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (actual.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let total = 0;
  for (let i = 0; i < wanted.length; i++) {
    difference += (actual[i] - wanted[i]) ** 2;
    total += wanted[i] ** 2;
  }
  return Math.sqrt(difference / (total || 1));
}

/** The backends that the same test should hold on: wasm always, tensorflow where it is installed. */
export const TESTED_BACKENDS: readonly string[] = (await loadTensorflow()).loaded ? ["wasm", "tensorflow"] : ["wasm"];

/** How many of some draws are tried on a backend: all on wasm, which every machine has; a third where kernels differ. */
export function drawsOn(backend: string, count: number): number {
  return backend === "wasm" ? count : Math.ceil(count / 3);
}

/** Tensors that `work` leaves behind. */
export async function leaked(work: () => unknown): Promise<number> {
  const before = tf.memory().numTensors;
  await work();
  return tf.memory().numTensors - before;
}

/**
 * The grid of an encoding that reads nothing out, with all that it can still compute: `runSync` would free what that is
 * computed from.
 */
export function firstGrid(encoding: Iterator<unknown, readonly EncodedImages[]>): EncodedGrid {
  return (encoding.next().value as readonly EncodedImages[])[0].grids[0];
}
