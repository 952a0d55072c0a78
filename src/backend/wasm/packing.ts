import * as tf from "@tensorflow/tfjs";
import { requireHeap } from "./heap.ts";
import type { WasmInternals } from "./internals.ts";

/** In which shape XNNPACK has packed the data of a tensor, and how many numbers these are. */
const packed = new Map<object, { readonly shape: string; readonly elements: number }>();

/** Forgets the copy of a tensor when its data are disposed, which frees the copy. */
export function watchPacked(backend: Pick<WasmInternals, "disposeData">): void {
  const dispose = backend.disposeData.bind(backend);
  backend.disposeData = (dataId, force) => {
    const gone = dispose(dataId, force);
    if (gone) packed.delete(dataId);
    return gone;
  };
}

/**
 * Frees all packed copies; the next product of each tensor makes its copy again. Not to be called while a kernel runs
 * on the C++ side.
 *
 * @returns whether there were any
 */
export function dropPacked(backend: Pick<WasmInternals, "wasm" | "dataIdMap">): boolean {
  const any = packed.size > 0;
  for (const [dataId, { elements }] of packed) {
    const { id, memoryOffset } = backend.dataIdMap.get(dataId);
    // Removing the id frees the copy, never the tensor's own memory.
    backend.wasm.tfjs.disposeData(id);
    backend.wasm.tfjs.registerTensor(id, elements, memoryOffset);
  }
  packed.clear();
  return any;
}

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
  const known = packed.get(b.dataId)?.shape;
  const whole = tf.util.sizeFromShape(b.shape) === k * n;
  if (!whole || known !== shape) requireHeap(backend, packedBytes(k, n) + productBytes);
  if (!whole || (known !== undefined && known !== shape)) return false;
  packed.set(b.dataId, { shape, elements: k * n });
  return true;
}

/** Alignment, and the small blocks that the C++ side takes before the large one, perhaps out of the same space. */
const SLACK_BYTES = 2 ** 16;

/** Columns are packed in groups of 8 with a bias each, rows in groups of at most 4. */
function packedBytes(k: number, n: number): number {
  return 4 * 8 * Math.ceil(n / 8) * (4 * Math.ceil(k / 4) + 1) + SLACK_BYTES;
}
