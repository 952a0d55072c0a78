/**
 * How much the property suite tries, in one place. `npm run test:deep` and `npm run test:replay` set the
 * environment variables; nothing else reads them.
 */

/** Cases of a law in the default run; a law over models takes a share of them. */
export const CASES = 100;

/** `npm run test:deep` tries this many times as many cases. */
export const DEEP_FACTOR = 20;

/** Seed of the default run, so that it is the same everywhere. The deep run draws a new one. */
export const DEFAULT_SEED = 2602;

/** The variables by which the scripts configure the suite. */
export const VARIABLES = {
  factor: "NUWA_PROPERTY_FACTOR",
  seed: "NUWA_PROPERTY_SEED",
  path: "NUWA_PROPERTY_PATH",
} as const;

/** What this run was asked for. */
export const SETTINGS = {
  factor: Number(process.env[VARIABLES.factor] ?? 1),
  seed: Number(process.env[VARIABLES.seed] ?? DEFAULT_SEED),
  /** Set when exactly one case is replayed. */
  path: process.env[VARIABLES.path],
};
