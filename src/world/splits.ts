import { UsageError } from "../core/errors.ts";
import { mixed, mixedRandom, type Random } from "../core/random-numbers.ts";

/**
 * The parts of the world. Training and tuning never hold a held-out pair of colour and shape; nor does
 * the test split, which measures what the model learnt. The compositional split asks about held-out pairs only.
 */
export const SPLITS = ["train", "tuning", "test", "compositional"] as const;
export type Split = (typeof SPLITS)[number];

/** Scenes in each split: seeds are 0..2³⁰−1. */
export const SEEDS_PER_SPLIT = 2 ** 30;

/**
 * The seed of the generator behind a scene. It is different for any two scenes of any two splits: the
 * split fills the top two bits, and the mixing that follows is a bijection of 32-bit integers.
 *
 * @throws UsageError when the seed is not an integer of 0..2³⁰−1
 */
export function generatorSeed(split: Split, seed: number): number {
  if (!Number.isInteger(seed) || seed < 0 || seed >= SEEDS_PER_SPLIT)
    throw new UsageError(`scene seed ${seed}: must be an integer from 0 to ${SEEDS_PER_SPLIT - 1}.`);
  return mixed(SPLITS.indexOf(split) * SEEDS_PER_SPLIT + seed);
}

/** The random numbers of one aspect of a scene ("scene", "noise", …), independent of the other aspects. */
export function sceneRandom(split: Split, seed: number, aspect: number): Random {
  return mixedRandom(generatorSeed(split, seed) + aspect * 0x9e3779b9);
}
