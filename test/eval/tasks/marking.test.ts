import { describe, expect, it } from "vitest";
import { mark } from "../../../src/eval/tasks/marking.ts";

describe("marking", () => {
  const box = [0.25, 0.25, 0.75, 0.75] as const;

  it("words count when they match, whatever their case and the spaces around", () => {
    expect(mark({ answer: "red" }, " Red ")).toEqual({ correct: true, iou: null, centre: null });
    expect(mark({ answer: "red" }, "red circle").correct).toBe(false);
  });

  it("boxes count by their overlap with the exact box: half of it beside gives one third", () => {
    expect(mark({ answer: "", box }, "[ 0.50 , 0.25 , 1.00 , 0.75 ]").iou).toBeCloseTo(1 / 3, 12);
    expect(mark({ answer: "", box }, "[0.25, 0.25, 0.75, 0.75]")).toEqual({ correct: true, iou: 1, centre: true });
    // The middle, 0.75, is on the edge, which still belongs to the box.
    expect(mark({ answer: "", box }, "[0.50, 0.25, 1.00, 0.75]")).toMatchObject({ correct: false, centre: true });
    expect(mark({ answer: "", box }, "[0.6, 0.25, 1.0, 0.75]").centre).toBe(false);
  });

  it("an overlap of exactly one half is enough", () => {
    expect(mark({ answer: "", box: [0, 0, 1, 1] }, "[0, 0, 0.5, 1]")).toMatchObject({ iou: 0.5, correct: true });
  });

  it("no box, or one with its corners in the wrong order, is worth nothing", () => {
    for (const said of ["red", "[0.2, 0.2, 0.6]", "[0.75, 0.75, 0.25, 0.25]"])
      expect(mark({ answer: "", box }, said), said).toMatchObject({ correct: false, iou: 0 });
  });

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
});
