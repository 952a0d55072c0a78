import { freemem, platform, totalmem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import { WASM_HEAP_BYTES } from "./wasm/heap.ts";

/** XNNPACK keeps a repacked copy of every matrix that has been used as a weight. */
const COPIES_ON_WASM = 2;

/** What the current backend has for a model. */
export interface MemoryLeft {
  /** Bytes that it can still take. */
  readonly bytes: number;
  /** How many times it keeps each weight. */
  readonly copies: number;
  /** What helps where that is too little, as a sentence. */
  readonly remedy: string;
}

/**
 * What is left for a model on the current backend.
 *
 * @param limit the most that this process may take altogether, in bytes; what the machine can spare unless given
 */
export function memoryLeft(limit?: number): MemoryLeft {
  const machine = machineMemory();
  const bytes = limit === undefined ? availableMemory(machine) : limit - machine.resident;
  const larger = limit === undefined ? "a machine with more of it" : "a larger --memory";
  if (tf.getBackend() !== "wasm") return { bytes, copies: 1, remedy: `Use ${larger} or a smaller checkpoint.` };
  return {
    bytes: Math.min(bytes, WASM_HEAP_BYTES - COPIES_ON_WASM * tf.memory().numBytes),
    copies: COPIES_ON_WASM,
    remedy: `Use --backend tensorflow, ${larger} or a smaller checkpoint.`,
  };
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
