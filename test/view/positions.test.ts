import { expect, it } from "vitest";
import type { PositionReconstruction } from "../../src/analysis/positions.ts";
import { positionsRecord } from "../../src/view/measures/positions.ts";
import type { RecordFacts } from "../../src/view/measures/record.ts";
import { wordsOf } from "./support.ts";

const one = { ids: [[3], [5]], logits: Float32Array.of(0, 1), token: 1, divergence: 0.25 };
const found = { original: one, rpme: one, compressed: one, ppe: one } as PositionReconstruction;
const facts = { wordOf: String } as unknown as RecordFacts;

it("says which answer under a position policy has a wrong form, beside the answer and in the numbers", async () => {
  const text = "[ 0.36 , 0.66 , 0.58 ]";
  const answers = { original: { text: "[ 0.36 , 0.64 , 0.58 , 0.86 ]" }, compressed: { text, malformed: "a box" } };
  const { json, figure } = positionsRecord(found, answers, facts);
  expect(json).toMatchObject({ compressed: { answer: text, malformed: "a box" } });
  expect(json).toHaveProperty("original.malformed", undefined);
  const words = wordsOf(await figure.svg());
  expect(words).toContain(`${text} (a box), 0.250 bits`);
  expect(words).toContain("[ 0.36 , 0.64 , 0.58 , 0.86 ], 0.250 bits");
});
