import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomFrom } from "../../src/core/random-numbers.ts";
import { between, happens, integerBelow, pick, pickWeighted } from "../../src/world/draws.ts";

describe("draws", () => {
  it("stay in range", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 50 }), (seed, count) => {
        const random = randomFrom(seed);
        const integer = integerBelow(random, count);
        expect(Number.isInteger(integer) && integer >= 0 && integer < count).toBe(true);
        const number = between(random, 2, 3);
        expect(number >= 2 && number < 3).toBe(true);
        expect(pick(random, ["a", "b"])).toMatch(/^[ab]$/);
      }),
    );
    expect(pick(randomFrom(0), [])).toBeUndefined();
  });

  it("happen as often as their probability and weight say", () => {
    const random = randomFrom(7);
    const draws = Array.from({ length: 20_000 }, () => pickWeighted(random, [1, 0, 3]));
    expect(draws.filter((index) => index === 2).length / draws.length).toBeCloseTo(0.75, 1);
    expect(draws).not.toContain(1);
    const coins = draws.map(() => happens(random, 0.2));
    expect(coins.filter(Boolean).length / coins.length).toBeCloseTo(0.2, 1);
  });

  it("fall on a weight above zero even at the very end of the range", () => {
    expect(pickWeighted(() => 1, [0.1, 0.2, 0.3, 0])).toBe(2);
  });
});
