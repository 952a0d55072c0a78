import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { misfitOf } from "../../src/world/misfit.ts";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { truthOf } from "../../src/world/reading.ts";
import { type Scene, sceneOf } from "../../src/world/scene.ts";
import { SEEDS_PER_SPLIT } from "../../src/world/splits.ts";

const box = (x: number, y: number) => [x, y, x + 0.14, y + 0.14] as const;
const one = { size: "small", rgb: [0, 0, 0] } as const;
/** Two red circles beside each other, a blue star below the left one. */
const scene: Scene = {
  ...sceneOf("test", 0),
  shapes: [
    { ...one, shape: "circle", colour: "red", box: box(0.1, 0.1) },
    { ...one, shape: "circle", colour: "red", size: "large", box: box(0.6, 0.15) },
    { ...one, shape: "star", colour: "blue", box: box(0.12, 0.6) },
  ],
};

describe("misfitOf", () => {
  it.each([
    ["Where is the purple cross?", { why: "none", words: "purple cross" }],
    ["Where is the large star?", { why: "none", words: "large star" }],
    ["What colour is the square?", { why: "none", words: "square" }],
    ["Where is the green thing?", { why: "none", words: "green shape" }],
    ["Where is the circle?", { why: "several", words: "circle" }],
    ["Where is the circle above the ring?", { why: "none", words: "ring" }],
    ["Where is the star above the circle?", { why: "several", words: "circle" }],
    ["Where is the large circle above the star?", undefined],
    ["Where is the topmost circle?", { why: "unclear" }],
    ["Is the star above the ring?", { why: "none", words: "ring" }],
    ["Where is the red dog?", { why: "unheard" }],
    ["How many dogs are there?", { why: "unheard" }],
    ["?", { why: "unheard" }],
    ["", { why: "unheard" }],
    ["How many stars are there?", undefined],
    ["Is there a ring?", undefined],
  ])("says of %j why it has no answer, if it has none", (text, misfit) => {
    expect(misfitOf(scene, text)).toEqual(misfit);
  });

  it("finds nothing exactly where there is a true answer, and every question of the world is heard", () => {
    const seeds = fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 });
    fc.assert(
      fc.property(seeds, seeds, (asked, shown) => {
        const [from, other] = [sceneOf("test", asked), sceneOf("test", shown)];
        for (const { text } of questionsFor(from, questionRandom(from))) {
          const misfit = misfitOf(other, text);
          expect(misfit === undefined, text).toBe(truthOf(other, text) !== undefined);
          expect(misfit?.why, text).not.toBe("unheard");
          expect(misfitOf(from, text), text).toBeUndefined();
        }
      }),
      { numRuns: 100 },
    );
  });
});
