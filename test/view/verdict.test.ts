import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { verdict } from "../../src/view/verdict.ts";

const said = (text: string, ...boxes: Box[]) => ({ text, boxes });
const box = said("[0, 0, 0.5, 1]", [0, 0, 0.5, 1]);

describe("the verdict on a pruned answer", () => {
  it("is that it held where both say the same", () => {
    expect(verdict(box, box)).toBe("the answer held");
    expect(verdict(said("yes"), said("yes"))).toBe("the answer held");
  });

  it("is that it changed where the unpruned one has no box, whatever the pruned one has", () => {
    expect(verdict(said("yes"), said("no"))).toBe("the answer changed");
    expect(verdict(said("yes"), box)).toBe("the answer changed");
  });

  it("is that the box was lost where only the pruned answer has none", () => {
    expect(verdict(box, said("no"))).toBe("the box was lost: the pruned answer is none");
  });

  it("is where the box went: it held from an overlap of a half on", () => {
    expect(verdict(box, said("all", [0, 0, 1, 1]))).toBe("the box held: intersection over union 0.50");
    expect(verdict(box, said("more", [0, 0, 0.51, 2]))).toBe("the box moved: intersection over union 0.49");
    expect(verdict(box, said("beside", [0.5, 0, 1, 1]))).toBe("the box moved: intersection over union 0.00");
  });
});
