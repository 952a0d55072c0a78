import { normal, randomFrom } from "../core/random-numbers.ts";
import { familyNamed } from "./families.ts";
import type { VlmConfig } from "./vlm.ts";

/** Values of one weight, in its layout on disk. */
export interface WeightValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Random weights for a configuration, as an untrained model starts: matrices and embeddings from a
 * normal distribution of width 1/√(inputs), norms at one, biases at zero.
 *
 * @param seed the same seed gives the same weights on every machine
 * @returns by canonical name, shapes and layout as on disk
 */
export function initialWeights(config: VlmConfig, seed: number): Map<string, WeightValues> {
  const random = randomFrom(seed);
  return new Map(
    [...familyNamed(config.family).tensorShapes(config)].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      if (/norm\d?\.weight$/.test(name)) return [name, { shape, values: new Float32Array(size).fill(1) }];
      if (name.endsWith(".bias")) return [name, { shape, values: new Float32Array(size) }];
      // On disk the inputs of a matrix are its last axes; embeddings have as many channels there.
      const inputs = shape.length > 1 ? size / shape[0] : size;
      return [name, { shape, values: Float32Array.from({ length: size }, () => normal(random) / Math.sqrt(inputs)) }];
    }),
  );
}
