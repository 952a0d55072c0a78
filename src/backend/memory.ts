import { freemem, platform, totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { WASM_HEAP_BYTES } from "./wasm/heap.ts";

/**
 * What a model needs at most besides its weights: activations, caches, the memory to transpose a weight.
 * Measured with 844 MiB of weights, 640 tokens and no pruning: 330 MiB on wasm, 530 MiB on tensorflow.
 */
const HEADROOM_BYTES = 512 * 2 ** 20;

/** XNNPACK keeps a repacked copy of every matrix that has been used as a weight. */
const COPIES_ON_WASM = 2;

/**
 * Refuses a model that cannot fit before any of its weights are read.
 *
 * @param what named in the error, such as the checkpoint folder
 * @param weightBytes size of all weights as float32
 * @throws NuwaError with the numbers and the remedy
 */
export function requireMemory(what: string, weightBytes: number): void {
  const backend = tf.getBackend();
  // A small model has small activations, and may run where there is little memory.
  const headroom = Math.min(weightBytes, HEADROOM_BYTES);
  const { left, needed, remedy } =
    backend === "wasm"
      ? {
          left: WASM_HEAP_BYTES - COPIES_ON_WASM * tf.memory().numBytes,
          needed: COPIES_ON_WASM * weightBytes + headroom,
          remedy: "Use --backend tensorflow or a smaller checkpoint",
        }
      : {
          left: availableMemory(),
          needed: weightBytes + headroom,
          remedy: "Use a machine with more memory or a smaller checkpoint",
        };
  if (needed > left) {
    throw new NuwaError(
      `${what}: needs about ${gibibytes(needed)} GiB as float32, but the ${backend} backend has ` +
        `${gibibytes(left)} GiB left. ${remedy}.`,
    );
  }
}

/** What the operating system reports, in bytes. */
export interface MachineMemory {
  /** What it could give to a process now, its file cache included. */
  readonly free: number;
  /** The most that all processes of this container may use together; 0 when there is no such limit. */
  readonly limit: number;
  /** What this process has already. */
  readonly resident: number;
}

/**
 * How many bytes this process can still get. In a container it is the limit less what this process has:
 * Node's own `process.availableMemory` counts the file cache as used there, which a checkpoint that was
 * just copied fills.
 */
export function availableMemory({ free, limit, resident }: MachineMemory = machineMemory()): number {
  return limit > 0 ? Math.min(free, Math.max(0, limit - resident)) : free;
}

function machineMemory(): MachineMemory {
  return {
    // On Linux and Windows that includes the file cache; on macOS it does not, and nothing reports it.
    free: platform() === "darwin" ? totalmem() : freemem(),
    limit: process.constrainedMemory() ?? 0,
    resident: process.memoryUsage.rss(),
  };
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
