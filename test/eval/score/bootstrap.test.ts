import { expect, it } from "vitest";
import { mixedRandom } from "../../../src/core/random-numbers.ts";
import { bootstrap } from "../../../src/eval/score/bootstrap.ts";

it("leaves one in forty resamples below the interval and one in forty above it, and not one more", () => {
  // Means of 50 different values: hardly two resamples are equal.
  const values = Array.from({ length: 50 }, (_, i) => [Math.sqrt(i)]);
  const { low, high } = bootstrap(values, 7);
  const random = mixedRandom(7);
  const means = Array.from({ length: 1000 }, () => {
    const drawn = values.map(() => values[Math.floor(random() * 50)][0]);
    return drawn.reduce((sum, value) => sum + value, 0) / 50;
  });
  const below = means.filter((value) => value < low - 1e-12).length;
  const above = means.filter((value) => value > high + 1e-12).length;
  expect([below, above]).toEqual([25, 25]);
});
