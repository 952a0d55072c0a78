import { describe, expect, it } from "vitest";
import type { Sample } from "../../../src/eval/run/sample.ts";
import { pairedDifference } from "../../../src/eval/score/difference.ts";
import { accuracy } from "../../../src/eval/score/figures.ts";

/** One answer a scene: whether it was right. */
function answers(right: readonly boolean[]): Sample[] {
  return right.map((correct, scene) => ({ task: "shapes-vqa", id: `${scene}/0`, scene, correct }) as Sample);
}

/** Every second scene is hard for both; the second setting fails in every tenth besides. */
const first = answers(Array.from({ length: 40 }, (_, i) => i % 2 === 0));
const second = answers(Array.from({ length: 40 }, (_, i) => i % 2 === 0 && i % 10 !== 0));

describe("a paired difference", () => {
  it("is the difference of the scores, whatever the order of the answers", () => {
    const found = pairedDifference(first, [...second].reverse(), accuracy, 1);
    expect(found.score).toBeCloseTo(4 / 40, 12);
    expect(found).toEqual(pairedDifference(first, second, accuracy, 1));
    expect(pairedDifference(second, first, accuracy, 1).score).toBeCloseTo(-4 / 40, 12);
  });

  it("is certain where every scene agrees, although the scenes differ", () => {
    expect(pairedDifference(first, first, accuracy, 1)).toEqual({ score: 0, low: 0, high: 0 });
  });

  it("has an interval that leaves out 0 where those of the two scores overlap widely", () => {
    // Scores .5 ± .15 and .4 ± .15; but the second is never the better one.
    const { low, high } = pairedDifference(first, second, accuracy, 1);
    expect(low).toBeGreaterThan(0);
    expect(high).toBeLessThan(0.25);
  });

  it("is refused between answers to different questions", () => {
    for (const [a, b] of [
      [first, second.slice(1)],
      [first.slice(1), second.slice(0, -1)],
      [first, second.map((sample, i) => (i === 7 ? { ...sample, id: "7/1" } : sample))],
      [[], []],
    ])
      expect(() => pairedDifference(a, b, accuracy, 1)).toThrow("same questions");
    // Ids name a question within its task only.
    const elsewhere = second.map((sample) => ({ ...sample, task: "shapes-grounding" }));
    expect(() => pairedDifference(first, elsewhere, accuracy, 1)).toThrow("same questions");
  });

  it("has the same interval however often the same answer is given about each scene", () => {
    const fourfold = (samples: readonly Sample[]) =>
      samples.flatMap((sample) => [0, 1, 2, 3].map((i) => ({ ...sample, id: `${sample.scene}/${i}` })));
    expect(pairedDifference(fourfold(first), fourfold(second), accuracy, 1)).toEqual(
      pairedDifference(first, second, accuracy, 1),
    );
  });
});
