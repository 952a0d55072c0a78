import * as tf from "@tensorflow/tfjs";
import { repairCopies } from "./copies.ts";
import { addFusedKernels } from "./fused.ts";
import { guardHeap } from "./heap.ts";
import type { WasmInternals } from "./internals.ts";
import { repairMatMul } from "./matmul.ts";
import { addMissingKernels } from "./missing.ts";
import { repairSums } from "./sums.ts";

let prepared: Promise<void> | undefined;

/**
 * Makes the wasm backend the current one, once, with the repairs that the model relies on: an error at the end of
 * the heap, fast batched and transposed products, fast copies, exact sums, the kernels that are missing, and fused
 * ones.
 * Runs in a browser, too; there, `setWasmPaths` of `@tensorflow/tfjs-backend-wasm` says where its `.wasm` files lie.
 */
export function prepareWasm(): Promise<void> {
  prepared ??= (async () => {
    await import("@tensorflow/tfjs-backend-wasm");
    await withoutErrorListeners(() => tf.setBackend("wasm"));
    const backend = tf.backend() as unknown as WasmInternals;
    guardHeap(backend);
    repairMatMul(backend);
    repairCopies(backend);
    repairSums();
    addMissingKernels();
    addFusedKernels();
  })();
  return prepared;
}

/**
 * The published module listens to the process's uncaught errors and throws them again from its own file.
 * Node then prints that file, 30 KB in one line, before the error, and exits with code 7 instead of 1.
 * In a browser there is no process, and nothing to undo.
 */
async function withoutErrorListeners(start: () => Promise<unknown>): Promise<void> {
  if (typeof process === "undefined") {
    await start();
    return;
  }
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set(process.rawListeners(event)));
  await start();
  events.forEach((event, i) => {
    for (const listener of process.rawListeners(event)) {
      if (!before[i].has(listener)) process.removeListener(event, listener as () => void);
    }
  });
}
