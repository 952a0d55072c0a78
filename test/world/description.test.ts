import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { type Description, referent, stands, withAttributes } from "../../src/world/description.ts";
import { type Scene, type SceneShape, sceneOf } from "../../src/world/scene.ts";

const shape = (colour: SceneShape["colour"], kind: SceneShape["shape"], box: Box): SceneShape => ({
  colour,
  shape: kind,
  size: "medium",
  rgb: [0, 0, 0],
  box,
});

/** Two red circles, the second further right and lower, and a blue star between and above them. */
const scene: Scene = {
  ...sceneOf("train", 0),
  shapes: [
    shape("red", "circle", [0.1, 0.5, 0.3, 0.7]),
    shape("red", "circle", [0.7, 0.55, 0.9, 0.75]),
    shape("blue", "star", [0.4, 0.1, 0.6, 0.3]),
  ],
};

describe("stands", () => {
  const [left, right, star] = scene.shapes;

  it("is true when boxes are apart in the direction, and false the other way round", () => {
    expect(stands(left, "left", right)).toBe("true");
    expect(stands(right, "right", left)).toBe("true");
    expect(stands(right, "left", left)).toBe("false");
    expect(stands(star, "above", left)).toBe("true");
    expect(stands(star, "below", left)).toBe("false");
  });

  it("is unclear when a middle is on that side and the boxes overlap along it", () => {
    expect(stands(left, "above", right)).toBe("unclear");
    expect(stands(right, "below", left)).toBe("unclear");
    expect(stands(right, "above", left)).toBe("false");
  });
});

describe("withAttributes", () => {
  it("finds the shapes that have all attributes named", () => {
    expect(withAttributes(scene, { colour: "red" })).toEqual([0, 1]);
    expect(withAttributes(scene, { colour: "red", shape: "star" })).toEqual([]);
    expect(withAttributes(scene, {})).toEqual([0, 1, 2]);
  });
});

describe("referent", () => {
  const cases: [string, Description, number | undefined][] = [
    ["is the only shape with the attributes", { shape: "star" }, 2],
    ["is none when two shapes fit", { shape: "circle" }, undefined],
    ["is none when no shape fits", { colour: "green" }, undefined],
    ["is the outermost of those that fit", { shape: "circle", location: "left" }, 0],
    ["is none when the outermost is so by less than the margin", { shape: "circle", location: "top" }, undefined],
    ["is none when a location word has nothing to choose from", { shape: "star", location: "left" }, undefined],
    [
      "is the one that stands so to another shape",
      { shape: "circle", relation: { direction: "right", anchor: { colour: "blue" } } },
      1,
    ],
    [
      "is none when two stand so",
      { shape: "circle", relation: { direction: "below", anchor: { colour: "blue" } } },
      undefined,
    ],
    [
      "is none when the other shape is not clear",
      { shape: "star", relation: { direction: "right", anchor: { shape: "circle" } } },
      undefined,
    ],
  ];
  for (const [name, description, expected] of cases)
    it(name, () => {
      expect(referent(scene, description)).toBe(expected);
    });
});
