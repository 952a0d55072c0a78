import { NuwaError } from "../../errors.ts";
import type { WasmInternals } from "./internals.ts";

/** A 32-bit wasm memory ends here. */
export const WASM_HEAP_BYTES = 4 * 2 ** 30;

/**
 * Makes the end of the wasm heap an error. When the heap is full, `malloc` returns address 0 and the
 * backend writes there: tensors are silently overwritten. From here on an allocation that fails throws.
 */
export function guardHeap(backend: WasmInternals): void {
  const allocate = backend.wasm._malloc;
  backend.wasm._malloc = (bytes: number) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      throw new NuwaError(
        `the wasm backend's 4 GiB are full (${bytes} more bytes were asked for). Use --backend tensorflow, a smaller checkpoint or a smaller batch.`,
      );
    }
    return address;
  };
}
