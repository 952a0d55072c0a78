import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { UsageError } from "../core/errors.ts";
import type { MethodDefinition } from "../methods/method.ts";
import { LAWS } from "./all.ts";
import { selectionCases } from "./generators/selections.ts";
import type { JudgeOptions, Law, Verdict } from "./law.ts";
import { factoryOf, type MethodFactory, selectorFor } from "./selecting.ts";

/** Seed of the cases where none is given, so that a verdict is the same everywhere. */
export const DEFAULT_SEED = 2602;

/** Cases of a law where no number is given. */
export const DEFAULT_RUNS = 100;

/** A law, ready to be asked of one method. */
export interface JudgedLaw {
  readonly sentence: string;
  /** Tries the law. */
  readonly judge: () => Verdict;
  /** For test runners. @throws Error with {@link report} when the law is broken */
  readonly check: () => void;
}

/**
 * The laws for a method, for any test runner:
 *
 *     for (const law of lawsFor(definition)) it(law.sentence, () => law.check());
 *
 * A TensorFlow.js backend that reads synchronously must be ready when a law is tried.
 *
 * @throws UsageError when no law has the sentence asked for
 */
export function lawsFor(method: MethodDefinition | MethodFactory, options: JudgeOptions = {}): JudgedLaw[] {
  const make: MethodFactory = typeof method === "function" ? method : factoryOf(method);
  const chosen = LAWS.filter(({ sentence }) => options.law === undefined || sentence === options.law);
  if (chosen.length === 0)
    throw new UsageError(`there is no law "${options.law}". Give a sentence as nuwa laws prints it.`);
  return chosen.map((law) => {
    const judge = () => {
      // A method that throws in the middle of a case leaves what was computed before.
      tf.engine().startScope();
      try {
        return verdictOn(law, make, options);
      } finally {
        tf.engine().endScope();
      }
    };
    return {
      sentence: law.sentence,
      judge,
      check() {
        const verdict = judge();
        if (verdict.status === "breaks") throw new Error(report(verdict));
      },
    };
  });
}

/** The verdict on each law, see {@link lawsFor}. */
export function judge(method: MethodDefinition | MethodFactory, options: JudgeOptions = {}): Verdict[] {
  return lawsFor(method, options).map((law) => law.judge());
}

/** What a broken law reports: the sentence, the smallest case as a picture, and why it breaks the law. */
export function report({ sentence, tries, broken }: Verdict): string {
  if (!broken) return sentence;
  const { picture, message, replay } = broken;
  return [
    `Law broken: ${sentence}`,
    `Smallest case found (try ${tries}, seed ${replay.seed}, path ${replay.path}):`,
    picture,
    message,
  ].join("\n\n");
}

function verdictOn(law: Law<unknown>, make: MethodFactory, options: JudgeOptions): Verdict {
  const { sentence, cases, share } = law;
  const { seed = DEFAULT_SEED, runs = DEFAULT_RUNS, path } = options;
  if (law.aboutScores && !ranksByScores(make, seed)) return { sentence, status: "does not apply", tries: 0 };
  const numRuns = path === undefined ? Math.ceil(runs * share) : 1;
  const property = fc.property(cases, law.holds(make));
  const found = fc.check(property, { seed, path, numRuns, endOnFailure: path !== undefined });
  if (!found.failed || found.counterexample === null) return { sentence, status: "keeps", tries: found.numRuns };
  const [smallest] = found.counterexample;
  const error = found.errorInstance;
  return {
    sentence,
    status: "breaks",
    tries: found.numRuns,
    broken: {
      smallest,
      message: error instanceof Error ? error.message : String(error),
      picture: pictureOf(law, make, smallest),
      replay: { seed, path: found.counterexamplePath ?? "" },
    },
  };
}

/** The picture, or, where the method throws on this case, the case alone. */
function pictureOf(law: Law<unknown>, make: MethodFactory, smallest: unknown): string {
  try {
    return law.draw(make, smallest);
  } catch {
    return fc.stringify(smallest);
  }
}

/** Whether other scores ever make a method keep other patches. */
function ranksByScores(make: MethodFactory, seed: number): boolean {
  const select = selectorFor(make);
  const same = fc.property(selectionCases({ max: 12, kind: "distinct" }), ({ scores, grid, keep, regionSize }) => {
    const negative = scores.map((score) => -score);
    const [kept, other] = [scores, negative].map((values) => String(select(values, grid, { keep, regionSize })));
    return kept === other;
  });
  return fc.check(same, { seed, numRuns: 50, endOnFailure: true }).failed;
}
