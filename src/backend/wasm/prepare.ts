import * as tf from "@tensorflow/tfjs";
import { guardHeap } from "./heap.ts";
import type { WasmInternals } from "./internals.ts";
import { repairMatMul } from "./matmul.ts";
import { addMissingKernels } from "./missing.ts";

let prepared: Promise<void> | undefined;

/**
 * Registers the wasm backend, once, with the repairs that the model relies on: an error at the end of
 * the heap, fast batched and transposed products, and the kernels that are missing.
 */
export function prepareWasm(): Promise<void> {
  prepared ??= (async () => {
    await import("@tensorflow/tfjs-backend-wasm");
    await tf.setBackend("wasm");
    const backend = tf.backend() as unknown as WasmInternals;
    guardHeap(backend);
    repairMatMul(backend);
    addMissingKernels();
  })();
  return prepared;
}
