import * as tf from "@tensorflow/tfjs";
import type { WasmInternals } from "./internals.ts";
import { mayUseOwnId } from "./packing.ts";

/**
 * BatchMatMul as the wasm backend should do it. The published kernel reaches XNNPACK, and with it the
 * machine's speed, only for a single product without transposition; batches and transposed factors fall
 * back to a scalar loop that is 20 to 40 times slower. Here transposed factors are transposed first,
 * and the products of a batch are made one by one on views into the tensors' memory, without copies.
 */
export function repairMatMul(backend: WasmInternals): void {
  const multiply = backend.wasm.cwrap("BatchMatMul", null, [
    "number",
    "array",
    "number",
    "number",
    "array",
    "number",
    "number",
    "number",
    "number",
  ]);

  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "wasm",
    kernelFunc({ inputs, attrs }) {
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const factors = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      // The library would take the bits of other types for floats.
      tf.util.assert(
        factors.a.dtype === "float32" && factors.b.dtype === "float32",
        () => `matMul: ${factors.a.dtype} times ${factors.b.dtype} is not supported on wasm. Cast both to float32.`,
      );
      const a = transposeA ? transposed(backend, factors.a) : factors.a;
      const b = transposeB ? transposed(backend, factors.b) : factors.b;
      const [m, k] = a.shape.slice(-2);
      const [inner, n] = b.shape.slice(-2);
      const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
      tf.util.assert(
        k === inner,
        () => `matMul: inner sizes ${k} and ${inner} of shapes [${a.shape}] and [${b.shape}] differ`,
      );
      const out = backend.makeOutput([...batchShape, m, n], "float32");
      const products = tf.util.sizeFromShape(batchShape);
      const aProducts = tf.util.sizeFromShape(a.shape.slice(0, -2));
      const bProducts = tf.util.sizeFromShape(b.shape.slice(0, -2));
      if (![aProducts, bProducts].every((count) => count === products || count === 1)) {
        throw new Error(`matMul: batches [${a.shape}] and [${b.shape}] cannot be broadcast on wasm`);
      }
      const shapeA = shapeBytes([1, m, k]);
      const shapeB = shapeBytes([1, k, n]);
      // A sum over nothing is zero; the library leaves such an output unwritten.
      if (k === 0) backend.typedArrayFromHeap(out).fill(0);
      const ownId = k > 0 && m * n * products > 0 && mayUseOwnId(backend, b, k, n);
      for (let i = 0; k > 0 && m * n > 0 && i < products; i++) {
        const second = view(backend, b, i % bProducts, k * n);
        withViews(
          backend,
          [
            view(backend, a, i % aProducts, m * k),
            ownId ? second : { ...second, id: undefined },
            view(backend, out, i, m * n),
          ],
          ([idA, idB, idOut]) => {
            multiply(idA, shapeA, 3, idB, shapeB, 3, 0, 0, idOut);
          },
        );
      }
      if (transposeA) backend.disposeData(a.dataId);
      if (transposeB) backend.disposeData(b.dataId);
      return out;
    },
  });
}

/** Swaps the last two axes with the backend's own kernel. */
function transposed(backend: WasmInternals, x: tf.TensorInfo): tf.TensorInfo {
  const axes = x.shape.map((_, axis) => axis);
  [axes[axes.length - 1], axes[axes.length - 2]] = [axes[axes.length - 2], axes[axes.length - 1]];
  return tf
    .getKernel("Transpose", "wasm")
    .kernelFunc({ inputs: { x }, backend: backend as unknown as object, attrs: { perm: axes } }) as tf.TensorInfo;
}

interface View {
  readonly elements: number;
  readonly address: number;
  /** Id of the tensor itself when the view is all of it: XNNPACK caches packed weights by id. */
  readonly id: number | undefined;
}

/** The i-th matrix of a tensor, as a place in the heap. */
function view(backend: WasmInternals, { dataId, shape }: tf.TensorInfo, i: number, elements: number): View {
  const data = backend.dataIdMap.get(dataId);
  const whole = tf.util.sizeFromShape(shape) === elements;
  return { elements, address: data.memoryOffset + 4 * i * elements, id: whole ? data.id : undefined };
}

/** Lends ids for views to the C++ side. Forgetting an id frees what was packed for it, never the heap. */
function withViews(backend: WasmInternals, views: readonly View[], use: (ids: number[]) => void): void {
  const ids = views.map(({ id, elements, address }) => {
    if (id !== undefined) return id;
    const fresh = backend.dataIdNextNumber++;
    backend.wasm.tfjs.registerTensor(fresh, elements, address);
    return fresh;
  });
  use(ids);
  ids.forEach((id, i) => {
    if (views[i].id === undefined) backend.wasm.tfjs.disposeData(id);
  });
}

function shapeBytes(shape: number[]): Uint8Array {
  return new Uint8Array(new Int32Array(shape).buffer);
}
