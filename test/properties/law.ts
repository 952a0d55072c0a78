import fc from "fast-check";
import { it } from "vitest";
import { draw } from "../../src/laws/draw.ts";
import { CASES, SETTINGS } from "./settings.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Cases for which the law held, counted by `npm run test:deep`. */
    cases?: number;
  }
}

/** What a law may change about its run. */
export interface LawOptions {
  /** Share of {@link CASES} that are tried; below 1 for laws that run models. */
  readonly share?: number;
}

/**
 * States a law: a vitest test whose name is the sentence, tried on many cases. docs/invariants.md repeats
 * the sentence, word for word, with its proof or reason.
 *
 * @param sentence a string literal, so that invariants.test.ts can read it
 * @param holds throws when the law is broken
 */
export function law<T>(
  sentence: string,
  cases: fc.Arbitrary<T>,
  holds: (input: T) => void,
  { share = 1 }: LawOptions = {},
): void {
  it(
    sentence,
    ({ task }) => {
      const details = tryLaw(cases, holds, share);
      if (details.failed) throw new Error(report(sentence, task.file.name, details));
      task.meta.cases = details.numRuns;
    },
    60_000 * SETTINGS.factor,
  );
}

/** Tries a law on as many cases as the settings say, or on the one that is replayed. */
export function tryLaw<T>(cases: fc.Arbitrary<T>, holds: (input: T) => void, share = 1): fc.RunDetails<[T]> {
  const { seed, path, factor } = SETTINGS;
  const numRuns = path === undefined ? Math.ceil(CASES * share * factor) : 1;
  return fc.check(fc.property(cases, holds), { seed, path, numRuns, endOnFailure: path !== undefined });
}

/** What a broken law prints: the smallest case, as a picture, and the command that replays exactly it. */
export function report<T>(sentence: string, file: string, details: fc.RunDetails<[T]>): string {
  const { counterexample, counterexamplePath, errorInstance, numShrinks, numRuns, seed } = details;
  if (counterexample === null)
    return `${sentence}\n\nToo few cases met the law's condition: ${numRuns} (seed ${seed}).`;
  return [
    `Law broken: ${sentence}`,
    `Case ${numRuns}, shrunk ${numShrinks} times (seed ${seed}, path ${counterexamplePath}):`,
    draw(counterexample[0]),
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    "Replay exactly this case:",
    `  npm run test:replay -- --seed ${seed} --path ${counterexamplePath} --law ${JSON.stringify(sentence)} ${file}`,
  ].join("\n\n");
}
