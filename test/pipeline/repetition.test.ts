import { describe, expect, it } from "vitest";
import { penalised, seenIds } from "../../src/pipeline/repetition.ts";

describe("the repetition penalty", () => {
  it("divides positive logits of tokens in the text and multiplies negative ones", () => {
    const logits = Float32Array.of(2, -2, 4, 0, 1);
    // RepetitionPenaltyLogitsProcessor(2.0) of transformers 5.18 on input_ids [[0, 1, 1, 3]].
    expect([...penalised(logits, new Set([0, 1, 3, -200, 99]), 2)]).toEqual([1, -4, 4, 0, 1]);
    expect([...logits]).toEqual([2, -2, 4, 0, 1]);
  });

  it("counts the placeholder of images, and no padding", () => {
    const position = [0];
    const visual = { kind: "visual" as const, image: 0, row: 0, cell: 0, position };
    expect([...seenIds([{ kind: "text", id: 5, position }, visual, { ...visual, row: 1 }, null], 9)]).toEqual([5, 9]);
  });
});
