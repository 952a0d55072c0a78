import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { judged, malformation, verdict } from "../../src/view/verdict.ts";

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

describe("whether an answer holds", () => {
  it("is as the verdict says", () => {
    expect(judged(said("yes"), said("yes")).holds).toBe(true);
    expect(judged(said("yes"), said("no")).holds).toBe(false);
    expect(judged(box, said("no")).holds).toBe(false);
    expect(judged(box, said("all", [0, 0, 1, 1])).holds).toBe(true);
    expect(judged(box, said("beside", [0.5, 0, 1, 1])).holds).toBe(false);
  });
});

describe("the form of an answer", () => {
  it.each([
    ["", "no word"],
    [" . ", "no word"],
    ["[ 0.12 , 0.3", "an unfinished box"],
    ["It is at [", "an unfinished box"],
    ["[ 0.83 ]", "a box without four edges"],
    ["[0.1, 0.2, 0.3, 0.4, 0.5]", "a box without four edges"],
  ])("%j is %s", (text, words) => {
    expect(malformation(said(text))).toBe(words);
  });

  it("needs an area where there is a box", () => {
    expect(malformation(said("[0.5, 0, 0.5, 1]", [0.5, 0, 0.5, 1]))).toBe("a box without an area");
    expect(malformation(said("[0, 0.6, 1, 0.5]", [0, 0.6, 1, 0.5]))).toBe("a box without an area");
  });

  it.each([["yes"], ["3"], ["See [1] and [12]."], ["是"]])("%j is well", (text) => {
    expect(malformation(said(text))).toBeUndefined();
  });

  it("is well with a box", () => {
    expect(malformation(box)).toBeUndefined();
  });
});
