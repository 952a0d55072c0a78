import * as tf from "@tensorflow/tfjs";
import { requireHeap } from "./heap.ts";
import type { WasmInternals } from "./internals.ts";

/** The shape in which XNNPACK has packed the data of a tensor. */
const packedShapes = new WeakMap<object, string>();

/**
 * XNNPACK repacks the second factor of a product, keeps the copy until that tensor's id is disposed,
 * and finds it again **by the id alone**. A reshaped tensor shares its data, and so the id: multiplied
 * in another shape it would be read past the end of a copy that was made for the first one.
 *
 * Makes sure that there is memory for a new copy, and returns whether the product may use the tensor's own
 * id. Where it may not, the product runs under a temporary id, which gets a copy of its own.
 *
 * @param b the second factor, one or several matrices of k×n
 * @param productBytes memory that is needed besides the copy
 * @throws NuwaError when the heap has no space for both
 */
export function mayUseOwnId(
  backend: WasmInternals,
  b: tf.TensorInfo,
  k: number,
  n: number,
  productBytes: number,
): boolean {
  const shape = `${k}×${n}`;
  const known = packedShapes.get(b.dataId);
  const whole = tf.util.sizeFromShape(b.shape) === k * n;
  if (!whole || known !== shape) requireHeap(backend, packedBytes(k, n) + productBytes);
  if (!whole || (known !== undefined && known !== shape)) return false;
  packedShapes.set(b.dataId, shape);
  return true;
}

/** Bytes of a packed copy: columns in groups of 8 with a bias each, rows in groups of at most 4, and alignment. */
export function packedBytes(k: number, n: number): number {
  return 4 * 8 * Math.ceil(n / 8) * (4 * Math.ceil(k / 4) + 1) + 128;
}
