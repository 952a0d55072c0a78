import { expect, it } from "vitest";
import { bracketOf } from "../../../src/cli/ask/report.ts";

const boxes = [[0.1, 0.2, 0.3, 0.4]] as const;
it.each([
  ["a box", "[0.1, 0.2, 0.3, 0.4]", boxes, [5]],
  ["a box behind a space", " [0.1, 0.2, 0.3, 0.4]", boxes, [5]],
  ["a box in a sentence", "It is at [0.1, 0.2, 0.3, 0.4].", boxes, []],
  ["a bracket that is no box", "[0.1]", [], []],
  ["a word", "red", [], []],
])("the report looks behind the bracket of an answer that begins with one: %s", (_, text, found, begun) => {
  expect(bracketOf({ text, boxes: found, ids: [5, 6, 7] })).toEqual(begun);
});
