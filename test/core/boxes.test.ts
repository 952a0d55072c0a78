import { describe, expect, it } from "vitest";
import { fractionsOf, parseBox, parseBoxes } from "../../src/core/boxes.ts";

const PIXELS = { width: 200, height: 100 };

describe("a box in a text", () => {
  it("is taken as fractions unless the model writes in another unit", () => {
    expect(parseBoxes("[0.1, 0.2, 0.3, 0.4] and [20,10,100,50]")).toEqual([
      [0.1, 0.2, 0.3, 0.4],
      [20, 10, 100, 50],
    ]);
  });

  it("is divided by the picture's size where the model writes pixels, also in JSON", () => {
    const said = 'It is {"bbox_2d": [20, 10, 100, 50], "label": "cup"}.';
    expect(parseBox(said, [PIXELS])).toEqual([0.1, 0.1, 0.5, 0.5]);
  });

  it("stays as it is without a number above 1: fractions from a model that writes pixels", () => {
    expect(fractionsOf([0, 0, 1, 1], PIXELS)).toEqual([0, 0, 1, 1]);
    expect(fractionsOf([0, 0, 1, 2], PIXELS)).toEqual([0, 0, 0.005, 0.02]);
  });

  it("is left out where a number is beyond all numbers", () => {
    expect(parseBoxes(`[${"9".repeat(400)}, 1, 2, 3] [1, 2, 3, 4]`)).toEqual([[1, 2, 3, 4]]);
  });

  it("is left out where images of several sizes make several boxes of it", () => {
    const said = "[0.1, 0.2, 0.3, 0.4] and [20, 10, 100, 50]";
    expect(parseBoxes(said, [PIXELS, PIXELS])).toEqual([
      [0.1, 0.2, 0.3, 0.4],
      [0.1, 0.1, 0.5, 0.5],
    ]);
    expect(parseBoxes(said, [PIXELS, { width: 200, height: 200 }])).toEqual([[0.1, 0.2, 0.3, 0.4]]);
  });
});
