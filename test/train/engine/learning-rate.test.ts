import { expect, it } from "vitest";
import { learningRate } from "../../../src/train/engine/learning-rate.ts";

const schedule = { steps: 100, warmup: 10, peak: 2, floor: 0.1 };

it("the learning rate rises in equal steps to the peak", () => {
  expect([0, 4, 9].map((step) => learningRate(step, schedule))).toEqual([0.2, 1, 2]);
});

it("the learning rate falls from the peak to its floor and is half way between in the middle", () => {
  expect(learningRate(10, schedule)).toBeCloseTo(2);
  expect(learningRate(55, schedule)).toBeCloseTo((2 + 0.2) / 2);
  expect(learningRate(100, schedule)).toBeCloseTo(0.2);
  for (let step = 11; step < 100; step++)
    expect(learningRate(step, schedule)).toBeLessThan(learningRate(step - 1, schedule));
});
