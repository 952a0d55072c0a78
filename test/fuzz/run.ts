import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { NuwaError } from "../../src/core/errors.ts";
import { makeTemporary, removeTemporary } from "../../src/io/leftovers.ts";
import type { Case, Target } from "./target.ts";

/** The smallest input that a parser is wrong about, and how. */
export interface Failure {
  readonly bytes: Uint8Array;
  readonly problem: string;
}

/** Lines of errors may hold a path and some values of a file, not more. */
const LONGEST_LINE = 6100;
const SECONDS = 2;
/** For a smaller input than the first that failed, in milliseconds. */
const LONGEST_SEARCH = 20_000;

/** A folder for the files of a run. */
export async function inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = makeTemporary("fuzz");
  try {
    return await work(folder);
  } finally {
    removeTemporary(folder);
  }
}

/**
 * Tries a target with the cases of a seed.
 *
 * @returns the smallest failure, and how many cases were tried
 */
export async function fuzz(
  target: Target,
  { seed, cases, folder }: { seed: number; cases: number; folder: string },
): Promise<{ tried: number; failure?: Failure }> {
  let failed: number | undefined;
  const property = fc.asyncProperty(target.inputs, async (input) => {
    // Where each smaller input takes long, the smallest one found so far must do.
    if (performance.now() > (failed ?? Number.POSITIVE_INFINITY) + LONGEST_SEARCH) return;
    try {
      await judge(target, input, folder);
    } catch (error) {
      failed ??= performance.now();
      throw error;
    }
  });
  const { counterexample, errorInstance, numRuns } = await fc.check(property, { seed, numRuns: cases });
  if (failed === undefined) return { tried: numRuns };
  const problem = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : "no case was drawn";
  return { tried: numRuns, failure: { bytes: counterexample?.[0].bytes ?? new Uint8Array(), problem } };
}

/**
 * A parser gives the value of a file, or refuses it by an error of one line; both in a time that fits its size.
 *
 * @throws Error saying what did not hold
 */
export async function judge(target: Target, { bytes, wanted }: Case, folder: string): Promise<void> {
  const path = join(folder, target.name);
  writeFileSync(path, bytes);
  const started = process.cpuUsage();
  let outcome: { value: unknown } | { refused: unknown };
  try {
    outcome = { value: await target.read(path) };
  } catch (error) {
    outcome = { refused: error };
  }
  // Of this process and its threads: on a busy machine time passes without them.
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  if (seconds > (target.seconds ?? SECONDS)) throw new Error(`it takes ${seconds.toFixed(1)} s`);
  if ("refused" in outcome) {
    requireLine(outcome.refused);
    if (wanted !== undefined) throw new Error(`a sound file is refused: ${(outcome.refused as NuwaError).message}`);
    return;
  }
  const right = wanted === undefined ? target.decode?.(Buffer.from(bytes)) : wanted;
  const same = target.same ?? isDeepStrictEqual;
  if (right !== undefined && !same(outcome.value, right))
    throw new Error(`it gives ${brief(outcome.value)} instead of ${brief(right)}`);
}

/** @throws the error itself where it is no NuwaError; Error where that is no line for a terminal */
export function requireLine(error: unknown): void {
  if (!(error instanceof NuwaError)) throw error;
  const { message } = error;
  if (/\p{Cc}|\p{Cs}|[\u2028-\u202e\u2066-\u2069]/u.test(message))
    throw new Error(`a message holds control characters: ${JSON.stringify(message)}`);
  if (message.trim() === "" || message.length > LONGEST_LINE)
    throw new Error(`a message has ${message.length} characters: ${message.slice(0, 200)}`);
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 500);
}
