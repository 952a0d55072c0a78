import { expect, it } from "vitest";
import { spreadOf } from "../../../src/methods/nuwa/relaxed.ts";

/** What holds for every input is stated in test/properties/relaxation.test.ts. */
it("the unit of temperatures is the standard deviation, or 1 where scores are all but equal", () => {
  expect(spreadOf(Float32Array.of(1, 7))).toBe(3);
  expect(spreadOf(Float32Array.of(5, 5, 5))).toBe(1);
});
