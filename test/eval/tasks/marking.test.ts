import { expect, it } from "vitest";
import { mark } from "../../../src/eval/tasks/marking.ts";

it.each([
  ["[0.2, 0.2, 0.4, 0.4]", true],
  ["[0.3, 0.6, 0.5, 0.8]", false],
  ["[0.6, 0.3, 0.8, 0.5]", false],
  ["[0.3, 0.0, 0.5, 0.1]", false],
  ["[0.0, 0.3, 0.1, 0.5]", false],
])("the middle of %s lies in the box along both axes: %s", (said, inside) => {
  const asked = { answer: "", box: [0.2, 0.2, 0.5, 0.5] } as const;
  expect(mark(asked, said).centre).toBe(inside);
});
