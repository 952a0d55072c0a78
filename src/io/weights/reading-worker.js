import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { firstNonFinite } from "./finite-bits.js";

/*
 * Reads parts of open files into shared memory while the main thread computes. Plain JavaScript, because it starts
 * while the main thread waits, where a loader of TypeScript could not.
 */

/** @typedef {import("./read-ahead.ts").Reading} Reading */

/** A call may read less than it is asked for, and at most 2 GiB. */
const AT_A_TIME = 2 ** 26;

/** The number of the reading that was done last. */
const done = new Int32Array(workerData.signal);

parentPort?.on("message", (/** @type {{number: number, buffer: SharedArrayBuffer, readings: Reading[]}} */ job) => {
  workerData.port.postMessage(problemOf(job.buffer, job.readings));
  Atomics.store(done, 0, job.number);
  Atomics.notify(done, 0);
});

/**
 * What went wrong with the first reading that failed.
 *
 * @param {SharedArrayBuffer} buffer @param {readonly Reading[]} readings
 * @returns {import("./read-ahead.ts").Problem | undefined}
 */
function problemOf(buffer, readings) {
  for (const [reading, { file, begin, end, at, checked }] of readings.entries()) {
    const bytes = new Uint8Array(buffer, at, end - begin);
    try {
      for (let read = 0; read < bytes.length; ) {
        const count = readSync(file, bytes, read, Math.min(AT_A_TIME, bytes.length - read), begin + read);
        if (count === 0) return { reading, reason: "ended while being read" };
        read += count;
      }
    } catch (error) {
      return { reading, reason: error instanceof Error ? error.message : String(error) };
    }
    const nonFinite = checked ? firstNonFinite(bytes, checked) : -1;
    if (nonFinite >= 0) return { reading, nonFinite };
  }
  return undefined;
}
