import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { generatorSeed, SEEDS_PER_SPLIT, SPLITS, sceneRandom } from "../../src/world/splits.ts";

const split = fc.constantFrom(...SPLITS);
const seed = fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 });

describe("splits", () => {
  it("give every scene of every split a generator of its own", () => {
    fc.assert(
      fc.property(split, seed, split, seed, (a, i, b, j) => {
        expect(generatorSeed(a, i) === generatorSeed(b, j)).toBe(a === b && i === j);
      }),
    );
    const seeds = SPLITS.flatMap((one) => Array.from({ length: 5000 }, (_, i) => generatorSeed(one, i)));
    expect(new Set(seeds).size).toBe(seeds.length);
  });

  it("give neighbouring seeds first numbers that look independent", () => {
    const first = Array.from({ length: 4000 }, (_, i) => sceneRandom("train", i, 0)());
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    expect(mean).toBeCloseTo(0.5, 1);
    const products = first.slice(1).map((value, i) => (value - 0.5) * (first[i] - 0.5) * 12);
    expect(Math.abs(products.reduce((sum, value) => sum + value, 0) / products.length)).toBeLessThan(0.06);
  });

  it("give the aspects of a scene different numbers", () => {
    const [a, b] = [sceneRandom("test", 5, 0), sceneRandom("test", 5, 1)];
    expect([a(), a(), a()]).not.toEqual([b(), b(), b()]);
  });

  it("refuse seeds that would run into another split", () => {
    for (const wrong of [-1, 0.5, SEEDS_PER_SPLIT, Number.NaN])
      expect(() => generatorSeed("train", wrong)).toThrow(UsageError);
  });
});
