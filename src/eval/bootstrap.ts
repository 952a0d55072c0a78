import { randomFrom } from "../random.ts";

/** Resamples of an interval. */
export const RESAMPLES = 1000;

/** Mean and 95 % interval. */
export interface Estimate {
  readonly score: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/**
 * The mean of some values with its 95 % bootstrap interval (percentiles of {@link RESAMPLES} resamples).
 * Whole groups are drawn, not single values: questions about one scene stand or fall together, and an
 * interval that took them for independent would be too narrow.
 *
 * @param groups values by scene; groups may be empty, but not all
 * @param seed the same seed and the same number of groups draw the same scenes, for every setting
 */
export function bootstrap(groups: readonly (readonly number[])[], seed: number): Estimate {
  const sums = groups.map((values) => values.reduce((sum, value) => sum + value, 0));
  const random = randomFrom(seed);
  const means: number[] = [];
  while (means.length < RESAMPLES) {
    let sum = 0;
    let count = 0;
    for (let draw = 0; draw < groups.length; draw++) {
      const group = Math.floor(random() * groups.length);
      sum += sums[group];
      count += groups[group].length;
    }
    // A resample of empty groups alone says nothing.
    if (count > 0) means.push(sum / count);
  }
  means.sort((a, b) => a - b);
  const n = groups.reduce((count, values) => count + values.length, 0);
  return {
    score: sums.reduce((all, sum) => all + sum, 0) / n,
    low: means[Math.floor(0.025 * RESAMPLES)],
    high: means[Math.ceil(0.975 * RESAMPLES) - 1],
    n,
  };
}
