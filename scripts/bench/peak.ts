import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NuwaError } from "../../src/core/errors.ts";

/** Bytes that a pass and the decoding behind it take in a process of their own. */
export interface Peak {
  /** Resident memory before the model is made: Node and the backend. */
  readonly before: number;
  /** The largest resident memory once the model is there. */
  readonly resident: number;
  readonly weights: number;
  /** Keys and values that decoding ends with. */
  readonly cache: number;
  /** What else was alive when the most tensors were. */
  readonly activations: number;
}

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const PROCESS = fileURLToPath(new URL("./peak-process.ts", import.meta.url));

/**
 * The peak memory of one model size with one method, measured in a process of its own.
 *
 * @returns undefined on systems that do not tell (all but Linux)
 * @throws NuwaError when the process ends without figures
 */
export async function measurePeak(backend: string, shape: string, method: string): Promise<Peak | undefined> {
  if (process.platform !== "linux") return undefined;
  const parameters = ["--import", "tsx", "--expose-gc", PROCESS, backend, shape, method];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, parameters, { cwd: PROJECT });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Peak;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new NuwaError(`peak memory of ${shape} on ${backend}: ${stderr?.trim().split("\n").at(-1) || message}`);
  }
}

/** One line: what was taken, and what it is made of. */
export function peakText({ before, resident, weights, cache, activations }: Peak): string {
  const needed = weights + cache + activations;
  const parts = [weights, cache, activations].map(gigabytes);
  return (
    `peak memory ${gigabytes(resident)} GB, ${gigabytes(before)} of it before the model; the rest is ` +
    `${((resident - before) / needed).toFixed(2)} x of ${gigabytes(needed)} GB ` +
    `(weights ${parts[0]}, cache ${parts[1]}, largest activations ${parts[2]})`
  );
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(3);
}
