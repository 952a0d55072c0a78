import { UsageError } from "../../core/errors.ts";
import type { Sample } from "../run/sample.ts";
import { bootstrapSums, type Estimate } from "./bootstrap.ts";
import type { Figure } from "./figures.ts";
import { groupBy } from "./grouping.ts";

/**
 * By how much one setting scores above another on the same questions, with the 95 % interval of the
 * difference itself: both are resampled by the same scenes, so that what makes a scene hard for both
 * cancels. Two intervals that overlap say little; an interval of the difference that leaves out 0 does.
 *
 * @param first answers of one setting
 * @param second answers of the other, to the same questions
 * @param figure a figure of samples, such as accuracy
 * @param seed of the resamples
 * @throws UsageError when the two did not answer the same questions
 */
export function pairedDifference(
  first: readonly Sample[],
  second: readonly Sample[],
  figure: Figure,
  seed: number,
): Estimate {
  requireSameQuestions(first, second);
  const [ofFirst, ofSecond] = [first, second].map((samples) => groupBy(samples, ({ scene }) => scene));
  const groups = [...ofFirst].map(([scene, samples]) => [
    ...figure.add(samples),
    ...figure.add(ofSecond.get(scene) as Sample[]),
  ]);
  const width = groups[0].length / 2;
  return bootstrapSums(groups, (sums) => figure.score(sums.slice(0, width)) - figure.score(sums.slice(width)), seed);
}

function requireSameQuestions(first: readonly Sample[], second: readonly Sample[]): void {
  const questions = (samples: readonly Sample[]) => samples.map(({ task, id }) => JSON.stringify([task, id])).sort();
  const [a, b] = [questions(first), questions(second)];
  if (a.length === 0 || a.length !== b.length || a.some((key, i) => key !== b[i]))
    throw new UsageError("a paired difference needs answers of both settings to the same questions.");
}
