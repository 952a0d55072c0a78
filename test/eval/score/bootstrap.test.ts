import { describe, expect, it } from "vitest";
import { mixedRandom } from "../../../src/core/random-numbers.ts";
import { bootstrap } from "../../../src/eval/score/bootstrap.ts";

describe("intervals", () => {
  const groups = Array.from({ length: 40 }, (_, i) => [i % 2, Number(i % 3 === 0)]);

  it("are the same for the same seed and others for another", () => {
    expect(bootstrap(groups, 1)).toEqual(bootstrap(groups, 1));
    const others = [1, 2, 3, 4, 5].map((seed) => JSON.stringify(bootstrap(groups, seed)));
    expect(new Set(others).size).toBeGreaterThan(1);
  });

  it("have the width that theory gives: 1.96 standard errors on each side", () => {
    const { score, low, high, n } = bootstrap(
      Array.from({ length: 400 }, (_, i) => [i % 2]),
      1,
    );
    expect([score, n]).toEqual([0.5, 400]);
    expect(low).toBeCloseTo(0.5 - 1.96 * 0.025, 1);
    expect(high - low).toBeGreaterThan(0.085);
    expect(high - low).toBeLessThan(0.11);
  });

  it("run from the 26th to the 975th of 1000 resamples", () => {
    const values = Array.from({ length: 12 }, (_, i) => [(i * i) % 17]);
    const random = mixedRandom(5);
    const drawn = () => values[Math.floor(random() * values.length)][0];
    const mean = () => values.reduce((sum) => sum + drawn(), 0) / values.length;
    const means = Array.from({ length: 1000 }, mean).sort((a, b) => a - b);
    expect(bootstrap(values, 5)).toMatchObject({ low: means[25], high: means[974] });
    // Other ends, and fewer resamples, would show.
    expect(new Set([means[25], means[50], means[949], means[974]]).size).toBe(4);
  });

  it("know that answers about one scene go together", () => {
    const alone = bootstrap(
      Array.from({ length: 100 }, (_, i) => [i % 2]),
      1,
    );
    const fives = bootstrap(
      Array.from({ length: 20 }, (_, i) => new Array(5).fill(i % 2)),
      1,
    );
    expect(fives.high - fives.low).toBeGreaterThan(1.8 * (alone.high - alone.low));
  });

  it("collapse where all answers are alike, and bear scenes that were asked nothing", () => {
    expect(bootstrap([[1], [], [1]], 1)).toEqual({ score: 1, low: 1, high: 1, n: 2 });
  });
});
