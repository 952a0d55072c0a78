import { NonFiniteError, UsageError } from "./errors.ts";

/**
 * The `count` items with the highest scores, best first. Equal scores: the lower item first. Scores
 * are compared as the float32 numbers that they are.
 *
 * Guaranteed on every backend for given scores; two backends may round scores that differ by a few
 * units in the last place to different orders, so near-ties may be decided differently between them.
 *
 * @param items candidates, in any order
 * @param scores indexed by item
 */
export function best(items: readonly number[], scores: ArrayLike<number>, count: number): number[] {
  return [...items].sort((a, b) => scores[b] - scores[a] || a - b).slice(0, count);
}

/** Where the largest value stands; of equal ones the first. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let top = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[top]) top = i;
  return top;
}

/**
 * The q-quantile with linear interpolation at q·(n−1), as numpy and torch define it, in float32.
 *
 * @param values at least one
 * @param q in [0, 1]
 * @throws UsageError when there are no values, or q lies elsewhere
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  if (values.length === 0) throw new UsageError("quantile: of no values there is none. Give at least one.");
  if (!(q >= 0 && q <= 1)) throw new UsageError(`quantile: q ${q} does not lie in [0, 1].`);
  const sorted = Float32Array.from(values).sort();
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  // Rounded to float32, so that a quantile that falls on a value equals that value.
  return Math.fround(sorted[below] + (position - below) * (sorted[above] - sorted[below]));
}

/**
 * Refuses scores that have no order.
 *
 * @param what named in the error
 * @throws NonFiniteError naming the first place that is NaN or infinite
 */
export function checkScores(what: string, scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isFinite(scores[i]))
      throw new NonFiniteError(
        `${what}: the score of item ${i} is ${scores[i]}. Scores must be finite; look for damaged weights or pixels.`,
      );
  }
}
