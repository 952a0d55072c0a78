import { mixedRandom } from "../../core/random-numbers.ts";

/** Resamples of an interval. */
export const RESAMPLES = 1000;

/** Draws in a row that may give no figure before the interval is given up. */
const MOST_EMPTY = 1000;

/** A figure and its 95 % interval. */
export interface Estimate {
  readonly score: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A figure with its 95 % bootstrap interval (percentiles of {@link RESAMPLES} resamples). Whole groups are
 * drawn, not single answers: answers about one scene are not independent, and an interval that took
 * them for independent would be too narrow.
 *
 * @param groups what each scene adds to the sums; all lists equally long
 * @param figure the figure from sums; NaN where they say nothing, which a resample may meet but not all groups together
 * @param seed the same seed and the same number of groups draw the same scenes, for every setting
 */
export function bootstrapSums(
  groups: readonly (readonly number[])[],
  figure: (sums: readonly number[]) => number,
  seed: number,
): Estimate {
  const width = groups[0].length;
  const random = mixedRandom(seed);
  const figures: number[] = [];
  for (let empty = 0; figures.length < RESAMPLES && empty < MOST_EMPTY; ) {
    const sums = new Array<number>(width).fill(0);
    for (let draw = 0; draw < groups.length; draw++) {
      const group = groups[Math.floor(random() * groups.length)];
      for (let i = 0; i < width; i++) sums[i] += group[i];
    }
    // A resample of empty groups alone says nothing.
    const value = figure(sums);
    empty = Number.isNaN(value) ? empty + 1 : 0;
    if (!Number.isNaN(value)) figures.push(value);
  }
  figures.sort((a, b) => a - b);
  const total = groups.reduce((sums, group) => sums.map((sum, i) => sum + group[i]), new Array<number>(width).fill(0));
  return {
    score: figure(total),
    low: figures[Math.floor(0.025 * figures.length)],
    high: figures[Math.ceil(0.975 * figures.length) - 1],
  };
}

/**
 * The mean of some values with its interval, see {@link bootstrapSums}.
 *
 * @param groups values by scene; groups may be empty, but not all
 */
export function bootstrap(groups: readonly (readonly number[])[], seed: number): Estimate & { readonly n: number } {
  const sums = groups.map((values) => [values.reduce((sum, value) => sum + value, 0), values.length]);
  const n = sums.reduce((all, [, count]) => all + count, 0);
  return { ...bootstrapSums(sums, ([sum, count]) => sum / count, seed), n };
}
