import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxText } from "../../src/world/coordinates.ts";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { truthOf } from "../../src/world/reading.ts";
import { type Scene, sceneOf } from "../../src/world/scene.ts";
import { SEEDS_PER_SPLIT, SPLITS } from "../../src/world/splits.ts";

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

describe("truthOf", () => {
  it("answers every question that the world asks as the world does, in every split", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SPLITS), fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 }), (split, seed) => {
        const drawn = sceneOf(split, seed);
        for (const { family, text, answer, box: exact } of questionsFor(drawn, questionRandom(drawn)))
          expect(truthOf(drawn, text), text).toEqual(exact ? { family, answer, box: exact } : { family, answer });
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["Where is the star?", boxText(scene.shapes[2].box)],
    ["  where IS the\nright red circle ", boxText(scene.shapes[1].box)],
    ["Find the small circle above the star.", boxText(scene.shapes[0].box)],
    ["Find the circle that is large and red.", boxText(scene.shapes[1].box)],
    ["How many red circles are there?", "2"],
    ["Count the large things!", "1"],
    ["Is there a small red star in the picture?", "no"],
    ["What shape is the blue object?", "star"],
    ["Is the star below the large circle?", "yes"],
    ["Is the star to the right of the large circle?", "no"],
    ["Is the star left or right of the circle that is large?", "left"],
  ])("answers %j, which nobody drew", (text, answer) => {
    expect(truthOf(scene, text)?.answer).toBe(answer);
  });

  it.each([
    ["one that means two shapes", "Where is the red circle?"],
    ["one that means none", "What colour is the ring?"],
    ["a relation that is not clear", "Is the star to the right of the small circle?"],
    ["a side that is not clear", "Is the star left or right of the small circle?"],
    ["unknown words", "Where is the white elephant?"],
    ["another question", "What is on the table?"],
    ["the existence of a place", "Is there a left circle?"],
    ["nothing", ""],
  ])("has no answer to %s", (_, text) => {
    expect(truthOf(scene, text)).toBeUndefined();
  });
});
