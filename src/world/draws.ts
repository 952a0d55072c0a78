import type { Random } from "../core/random-numbers.ts";

/** A number uniform in [low, high). */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** An integer out of 0..`count`−1. */
export function integerBelow(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** One of the items, all equally likely; undefined only when there are none. */
export function pick<T>(random: Random, items: readonly [T, ...T[]]): T;
export function pick<T>(random: Random, items: readonly T[]): T | undefined;
export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[integerBelow(random, items.length)];
}

/** Index of one of the weights, with a probability in proportion to it. Weights are ≥ 0 and not all zero. */
export function pickWeighted(random: Random, weights: readonly number[]): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i];
    if (left < 0) return i;
  }
  // Rounding may leave a remainder of about 1e-16: it goes to the last weight that is not zero.
  return weights.findLastIndex((weight) => weight > 0);
}

/** True with the given probability. */
export function happens(random: Random, probability: number): boolean {
  return random() < probability;
}
