import { describe, expect, it } from "vitest";
import { mixedRandom, randomFrom, sampleWithoutReplacement } from "../../src/core/random-numbers.ts";

const SEEDS = Array.from({ length: 2000 }, (_, seed) => seed);
const share = (holds: (seed: number) => boolean) => SEEDS.filter(holds).length / SEEDS.length;

describe("a mixed generator", () => {
  it("gives the same numbers for the same seed", () => {
    const [a, b] = [mixedRandom(44), mixedRandom(44)];
    for (let i = 0; i < 10; i++) expect(a()).toBe(b());
    expect(mixedRandom(45)()).not.toBe(mixedRandom(44)());
  });

  it("has first numbers that tell nothing of their neighbouring seeds", () => {
    for (let number = 0; number < 3; number++) {
      const numbers = SEEDS.map((seed) => {
        const random = mixedRandom(seed);
        return Array.from({ length: number + 1 }, () => random())[number];
      });
      const low = numbers.filter((value) => value < 0.5).length / numbers.length;
      expect(Math.abs(low - 0.5)).toBeLessThan(0.05);
      // Neighbours fall on the same side of the middle as often as not.
      const agreeing = numbers.slice(1).filter((value, i) => value < 0.5 === numbers[i] < 0.5).length / numbers.length;
      expect(Math.abs(agreeing - 0.5)).toBeLessThan(0.05);
    }
  });

  it("draws every item about equally often, over small seeds", () => {
    for (const item of [0, 71, 143])
      expect(
        Math.abs(share((seed) => sampleWithoutReplacement(144, 16, mixedRandom(seed)).includes(item)) - 16 / 144),
      ).toBeLessThan(0.02);
  });

  it("is needed: without mixing, every draw by a small seed holds the last item", () => {
    expect(share((seed) => sampleWithoutReplacement(144, 16, randomFrom(seed)).includes(143))).toBe(1);
  });
});
