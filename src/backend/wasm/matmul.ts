import * as tf from "@tensorflow/tfjs";
import type { WasmInternals } from "./internals.ts";
import { mayUseOwnId } from "./packing.ts";
import { PackedTransposes } from "./transposes.ts";

/**
 * BatchMatMul as the wasm backend should do it. The published kernel uses XNNPACK, which is as
 * fast as the machine allows, only for a single product without transposition; batches and transposed factors fall
 * back to a scalar loop that is 20 to 40 times slower. Here transposed factors are transposed first,
 * and the products of a batch are made one by one on views into the tensors' memory, without copies. The second factor
 * of x·Wᵀ, which is what linear layers compute, is transposed and packed once, see {@link PackedTransposes}.
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

  const transposes = new PackedTransposes(backend);
  tf.unregisterKernel("BatchMatMul", "wasm");
  tf.registerKernel({
    kernelName: "BatchMatMul",
    backendName: "wasm",
    kernelFunc({ inputs, attrs }) {
      const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
      const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      // The library would read the bits of other types as floats.
      tf.util.assert(
        a.dtype === "float32" && b.dtype === "float32",
        () => `matMul: ${a.dtype} times ${b.dtype} is not supported on wasm. Cast both to float32.`,
      );
      const [m, k] = matrixShape(a, transposeA);
      const [inner, n] = matrixShape(b, transposeB);
      tf.util.assert(
        k === inner,
        () => `matMul: inner sizes ${k} and ${inner} of shapes [${a.shape}] and [${b.shape}] differ`,
      );
      if (transposeB && !transposeA && a.shape.length === 2 && b.shape.length === 2 && m * k * n > 0)
        return timesTransposed(backend, multiply, a, b, transposes);
      // XNNPACK repacks the second factor, five times slower than it could be transposed; it keeps the
      // result for weights, which are whole tensors, but not for parts of a batch. For few rows in a, such as one
      // query against all keys, (bᵀ·aᵀ)ᵀ repacks less.
      const turned = (transposeB || batchSize(b) > 1) && m * (k + n) < n * k;
      const [first, firstFlips, second, secondFlips] = turned
        ? [b, !transposeB, a, !transposeA]
        : [a, transposeA, b, transposeB];
      const temporary: tf.TensorInfo[] = [];
      const passing = (x: tf.TensorInfo) => {
        temporary.push(x);
        return x;
      };
      try {
        const left = firstFlips ? passing(transposed(backend, first)) : first;
        const right = secondFlips ? passing(transposed(backend, second)) : second;
        const product = multiplyBatches(backend, multiply, left, right);
        return turned ? transposed(backend, passing(product)) : product;
      } finally {
        // Also where the heap was too full to go on.
        for (const { dataId } of temporary) backend.disposeData(dataId);
      }
    },
  });
}

/** [m, k] × [n, k]ᵀ → [m, n] */
function timesTransposed(
  backend: WasmInternals,
  multiply: ReturnType<WasmInternals["wasm"]["cwrap"]>,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  transposes: PackedTransposes,
): tf.TensorInfo {
  const [[m, k], [n]] = [a.shape, b.shape];
  const out = backend.makeOutput([m, n], "float32");
  const [idA, idOut] = [a, out].map(({ dataId }) => backend.dataIdMap.get(dataId).id);
  const by = (idB: number) => multiply(idA, shapeBytes([1, m, k]), 3, idB, shapeBytes([1, k, n]), 3, 0, 0, idOut);
  try {
    const packed = transposes.idOf(b);
    if (packed !== undefined) by(packed);
    else transposes.pack(b, transposed(backend, b), by);
  } catch (error) {
    // Where the heap was too full to go on.
    backend.disposeData(out.dataId);
    throw error;
  }
  return out;
}

/** How many matrices a tensor holds. */
function batchSize({ shape }: tf.TensorInfo): number {
  return tf.util.sizeFromShape(shape.slice(0, -2));
}

/** Rows and columns of the matrices that a tensor holds, or of their transposes. */
function matrixShape({ shape }: tf.TensorInfo, flips: boolean): number[] {
  return flips ? shape.slice(-2).reverse() : shape.slice(-2);
}

/** [..., m, k] × [..., k, n] → [..., m, n] */
function multiplyBatches(
  backend: WasmInternals,
  multiply: ReturnType<WasmInternals["wasm"]["cwrap"]>,
  a: tf.TensorInfo,
  b: tf.TensorInfo,
): tf.TensorInfo {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batchShape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const products = tf.util.sizeFromShape(batchShape);
  const [aProducts, bProducts] = [batchSize(a), batchSize(b)];
  if (![aProducts, bProducts].every((count) => count === products || count === 1)) {
    throw new Error(`matMul: batches [${a.shape}] and [${b.shape}] cannot be broadcast on wasm`);
  }
  const shapeA = shapeBytes([1, m, k]);
  const shapeB = shapeBytes([1, k, n]);
  const empty = k * m * n * products === 0;
  const ownId = !empty && mayUseOwnId(backend, b, k, n, 4 * m * n * products);
  const out = backend.makeOutput([...batchShape, m, n], "float32");
  // A sum over nothing is zero; the library leaves such an output unwritten.
  if (empty) backend.typedArrayFromHeap(out).fill(0);
  for (let i = 0; !empty && i < products; i++) {
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
  return out;
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

/** The i-th matrix of a tensor, as an address in the heap. */
function view(backend: WasmInternals, { dataId, shape }: tf.TensorInfo, i: number, elements: number): View {
  const data = backend.dataIdMap.get(dataId);
  const whole = tf.util.sizeFromShape(shape) === elements;
  return { elements, address: data.memoryOffset + 4 * i * elements, id: whole ? data.id : undefined };
}

/** Gives temporary ids for views to the C++ side. Removing an id frees what was packed for it, never the heap. */
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
