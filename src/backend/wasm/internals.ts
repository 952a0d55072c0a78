import type { TensorInfo, TypedArray } from "@tensorflow/tfjs";

/**
 * The parts of the wasm backend that the repairs in this folder build on. They are the backend's own
 * internals, not a public interface: its version is pinned, and the tests of this folder notice when
 * they change.
 *
 * Source: https://github.com/tensorflow/tfjs/blob/master/tfjs-backend-wasm/src/backend_wasm.ts
 */
export interface WasmInternals {
  readonly wasm: {
    /** Allocates on the wasm heap; 0 when it is full. */
    _malloc(bytes: number): number;
    _free(address: number): void;
    cwrap(
      name: string,
      returns: null,
      parameters: readonly ("number" | "array")[],
    ): (...values: (number | Uint8Array)[]) => void;
    readonly tfjs: {
      /** Registers an address on the heap with the C++ side under an id. */
      registerTensor(id: number, elements: number, address: number): void;
      /** Removes an id and what was cached for it; the memory is not freed. */
      disposeData(id: number): void;
    };
  };
  readonly dataIdMap: { get(dataId: object): { readonly id: number; readonly memoryOffset: number } };
  /** The next id that is not in use. */
  dataIdNextNumber: number;
  makeOutput(shape: number[], dtype: string): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): TypedArray;
  /** Whether the memory is freed: other tensors may share it. */
  disposeData(dataId: object, force?: boolean): boolean;
}
