import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A seeded source of numbers, uniform in [0, 1). It is state: pass it on, never share it across samples. */
export type Random = () => number;

/**
 * A generator that gives the same numbers for the same seed on every machine. Its first numbers look alike for
 * neighbouring seeds: see {@link mixedRandom} where that matters.
 *
 * @param seed any 32-bit integer
 */
export function randomFrom(seed: number): Random {
  const generator = xoroshiro128plus(seed | 0);
  return () => uniformFloat64(generator);
}

/**
 * A generator for draws by seeds that may be neighbours, 44 and 45, say.
 *
 * Neighbouring seeds give xoroshiro neighbouring states, and its first outputs are nearly those states: the
 * first number of {@link randomFrom} is 0.9999… for every small seed. Hence the mixing, and the first sixteen
 * numbers are thrown away.
 *
 * @param seed any 32-bit integer
 */
export function mixedRandom(seed: number): Random {
  const random = randomFrom(mixed(seed));
  for (let i = 0; i < 16; i++) random();
  return random;
}

/** A bijection of 32-bit integers that leaves no pattern of neighbours (the finaliser of MurmurHash3). */
export function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

/** One draw from the standard normal distribution (Box-Muller). */
export function normal(random: Random): number {
  // 1 − u lies in (0, 1], so that the logarithm is finite.
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * `count` different integers out of 0..`total`−1 in random order (the head of a Fisher-Yates shuffle).
 */
export function sampleWithoutReplacement(total: number, count: number, random: Random): number[] {
  const items = Array.from({ length: total }, (_, index) => index);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (total - i));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items.slice(0, count);
}
