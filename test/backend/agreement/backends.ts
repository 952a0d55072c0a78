import * as tf from "@tensorflow/tfjs";
import { type BackendName, useBackend } from "../../../src/backend/select.ts";
import { loadTensorflow } from "../../../src/backend/tensorflow.ts";

const native = await loadTensorflow();

/** Why tensorflow is left out on this machine; undefined where it is there. */
export const noTensorflow = native.loaded ? undefined : native.reason;

/** The backends that are held against `cpu`, each with what its tests are called. */
export const COMPARED: readonly { readonly name: BackendName; readonly title: string; readonly absent: boolean }[] = [
  { name: "wasm", title: "wasm", absent: false },
  {
    name: "tensorflow",
    title: noTensorflow === undefined ? "tensorflow" : `tensorflow (left out: ${noTensorflow})`,
    absent: noTensorflow !== undefined,
  },
];

/** A tensor's values, away from any backend. */
export interface Plain {
  readonly shape: number[];
  readonly dtype: tf.DataType;
  readonly values: Float32Array | Int32Array | Uint8Array | Float64Array;
}

/** Reads a tensor out, asynchronously, because not every backend can do it otherwise. */
async function plain(tensor: tf.Tensor): Promise<Plain> {
  const values = await tensor.data();
  return { shape: tensor.shape, dtype: tensor.dtype, values: values.slice() as Plain["values"] };
}

/** Puts values on the current backend; float64 is rounded. */
export function onDevice({ values, shape, dtype }: Plain): tf.Tensor {
  return tf.tensor(values as Float32Array, shape, dtype as "float32" | "int32" | "bool");
}

/** Runs something on a backend and takes the tensors that it returns away from it. Leaks nothing. */
export async function on(backend: BackendName, make: () => tf.Tensor[]): Promise<Plain[]> {
  await useBackend(backend);
  tf.engine().startScope();
  try {
    return await Promise.all(make().map(plain));
  } finally {
    tf.engine().endScope();
  }
}

/**
 * How far two results are apart: the largest difference, relative to `scale`. Infinite when shapes, types,
 * or places of NaN and infinities differ.
 *
 * @param scale the largest finite magnitude that is expected, unless given
 */
export function distance(actual: Plain, expected: Plain, scale = magnitude(expected)): number {
  if (actual.shape.join() !== expected.shape.join() || actual.dtype !== expected.dtype) return Infinity;
  let apart = 0;
  for (let i = 0; i < expected.values.length; i++) {
    const [a, e] = [actual.values[i], expected.values[i]];
    if (Object.is(a, e) || a === e) continue;
    if (!Number.isFinite(a) || !Number.isFinite(e)) return Infinity;
    apart = Math.max(apart, Math.abs(a - e));
  }
  return apart === 0 ? 0 : apart / scale;
}

/** The largest finite absolute value. */
export function magnitude({ values }: Plain): number {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest;
}
