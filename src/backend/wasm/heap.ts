import { NuwaError } from "../../core/errors.ts";
import type { WasmInternals } from "./internals.ts";

/** The largest 32-bit wasm memory. */
export const WASM_HEAP_BYTES = 4 * 2 ** 30;

/** The parts of the backend that allocate. */
type Heap = { readonly wasm: Pick<WasmInternals["wasm"], "_malloc" | "_free"> };

/**
 * Makes the end of the wasm heap an error. When the heap is full, `malloc` returns address 0 and the
 * backend writes there: tensors are silently overwritten. From here on an allocation that fails throws.
 */
export function guardHeap(backend: Heap): void {
  // The published `_malloc` is a stub that replaces itself by the real function when it is first
  // called. That has to happen before it is wrapped, or it would replace the wrapper.
  backend.wasm._free(backend.wasm._malloc(1));
  const allocate = backend.wasm._malloc;
  backend.wasm._malloc = (bytes: number) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      throw new NuwaError(
        `the wasm backend's 4 GiB are full (${bytes} more bytes were asked for). Use --backend tensorflow, a ` +
          "smaller checkpoint or a smaller batch.",
      );
    }
    return address;
  };
}

/**
 * Makes sure that a block of this size can be had, for code on the C++ side: where that finds no memory
 * it prints a warning and leaves its output as it is.
 *
 * @throws NuwaError when the heap is full, see {@link guardHeap}
 */
export function requireHeap(backend: Heap, bytes: number): void {
  backend.wasm._free(backend.wasm._malloc(bytes));
}
