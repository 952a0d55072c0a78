import type { TensorInfo } from "@tensorflow/tfjs";
import { requireHeap } from "./heap.ts";
import type { WasmInternals } from "./internals.ts";
import { packedBytes } from "./packing.ts";

/**
 * The packed copies that XNNPACK keeps of the transposes of matrices: what x·Wᵀ is computed with. A transpose itself is
 * needed only while it is packed, so that a weight takes its own memory and that of the packed copy. They go when the
 * matrix is disposed.
 */
export class PackedTransposes {
  readonly #backend: WasmInternals;
  /** By data and shape, because a reshaped tensor shares its data. */
  readonly #ids = new Map<object, Map<string, number>>();

  constructor(backend: WasmInternals) {
    this.#backend = backend;
    const dispose = backend.disposeData.bind(backend);
    backend.disposeData = (dataId, force) => {
      const isGone = dispose(dataId, force);
      if (isGone) {
        for (const id of this.#ids.get(dataId)?.values() ?? []) backend.wasm.tfjs.disposeData(id);
        this.#ids.delete(dataId);
      }
      return isGone;
    };
  }

  /** The id under which the transpose of a matrix is packed; undefined where it is not yet. */
  idOf({ dataId, shape }: TensorInfo): number | undefined {
    return this.#ids.get(dataId)?.get(shape.join("×"));
  }

  /**
   * Gives a transpose an id of its own, under which the next product packs it, and frees the transpose behind that.
   *
   * @param transpose taken over
   * @param multiply makes a product with the id
   * @throws NuwaError when the heap has no space for the packed copy
   */
  pack({ dataId, shape }: TensorInfo, transpose: TensorInfo, multiply: (id: number) => void): void {
    const { wasm, dataIdMap } = this.#backend;
    try {
      const [n, k] = shape;
      requireHeap(this.#backend, packedBytes(k, n));
      const id = this.#backend.dataIdNextNumber++;
      wasm.tfjs.registerTensor(id, n * k, dataIdMap.get(transpose.dataId).memoryOffset);
      multiply(id);
      const ids = this.#ids.get(dataId) ?? new Map<string, number>();
      this.#ids.set(dataId, ids.set(shape.join("×"), id));
    } finally {
      this.#backend.disposeData(transpose.dataId);
    }
  }
}
