import { freemem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../errors.ts";
import { WASM_HEAP_BYTES } from "./wasm/heap.ts";

/** What a model needs besides its weights: activations, caches, and room to transpose a weight at load. */
const HEADROOM_BYTES = 256 * 2 ** 20;

/**
 * Refuses a model that cannot fit before any of its weights are read.
 *
 * @param what named in the error, such as the checkpoint folder
 * @param weightBytes size of all weights as float32
 * @throws NuwaError with the numbers and the remedy
 */
export function requireMemory(what: string, weightBytes: number): void {
  const backend = tf.getBackend();
  const { limit, needed, remedy } =
    backend === "wasm"
      ? // XNNPACK keeps a repacked copy of every matrix that is used as a weight.
        {
          limit: WASM_HEAP_BYTES,
          needed: 2 * weightBytes + HEADROOM_BYTES,
          remedy: "Use --backend tensorflow or a smaller checkpoint",
        }
      : {
          limit: freemem() + releasable(),
          needed: weightBytes + HEADROOM_BYTES,
          remedy: "Use a machine with more memory or a smaller checkpoint",
        };
  const free = limit - tf.memory().numBytes;
  if (needed > free) {
    throw new NuwaError(
      `${what}: needs about ${gigabytes(needed)} GiB as float32, but the ${backend} backend has ${gigabytes(free)} GiB left. ${remedy}.`,
    );
  }
}

/** Memory that the operating system counts as used but gives back: what this process knows of, its own unused heap. */
function releasable(): number {
  const { heapTotal, heapUsed } = process.memoryUsage();
  return heapTotal - heapUsed;
}

function gigabytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
