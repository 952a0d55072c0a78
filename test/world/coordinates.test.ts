import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, parseBox } from "../../src/core/boxes.ts";
import { UsageError } from "../../src/core/errors.ts";
import {
  boxText,
  COORDINATE_BINS,
  COORDINATE_TOKENS,
  dequantiseBox,
  quantiseBox,
} from "../../src/world/coordinates.ts";
import { intersectionOverUnion } from "../../src/world/geometry.ts";
import { sceneOf } from "../../src/world/scene.ts";

const coordinate = fc.double({ min: 0, max: 1, noNaN: true });
const anyBox = fc.tuple(coordinate, coordinate, coordinate, coordinate);

describe("coordinates", () => {
  it("are rounded by at most half a step, for any number of steps", () => {
    fc.assert(
      fc.property(anyBox, fc.integer({ min: 1, max: 1000 }), (box, bins) => {
        const quantised = quantiseBox(box, bins);
        expect(quantised.every((value) => Number.isInteger(value) && value >= 0 && value <= bins)).toBe(true);
        dequantiseBox(quantised, bins).forEach((value, i) => {
          expect(Math.abs(value - box[i])).toBeLessThanOrEqual(0.5 / bins + 1e-12);
        });
        expect(quantiseBox(dequantiseBox(quantised, bins), bins)).toEqual(quantised);
      }),
    );
  });

  it("are written as tokens that read back as the rounded box, with spaces between the tokens or not", () => {
    fc.assert(
      fc.property(anyBox, (box) => {
        const rounded = dequantiseBox(quantiseBox(box));
        const text = boxText(box);
        for (const written of [text, text.replace(/[[\],]/g, " $& "), `It is ${text}.`, text.replaceAll(" ", "")])
          expect(parseBox(written)).toEqual(rounded);
        for (const token of text.match(/\d\.\d\d/g) ?? []) expect(COORDINATE_TOKENS).toContain(token);
      }),
    );
    expect(boxText([0.12, 0.34, 0.56, 0.78])).toBe("[0.12, 0.34, 0.56, 0.78]");
    expect(COORDINATE_TOKENS.length).toBe(COORDINATE_BINS + 1);
    expect(COORDINATE_TOKENS[7]).toBe("0.07");
  });

  it("keep an IoU of at least 0.85 with the exact box of every shape", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 - 1 }), (seed) => {
        for (const { box } of sceneOf("train", seed).shapes)
          expect(intersectionOverUnion(box, parseBox(boxText(box)) as Box)).toBeGreaterThan(0.85);
      }),
    );
  });

  it("are not found in texts without a list of four numbers", () => {
    for (const text of ["", "yes", "[0.1, 0.2, 0.3]", "0.1, 0.2, 0.3, 0.4", "[0.1, 0.2, x, 0.4]"])
      expect(parseBox(text)).toBeUndefined();
  });

  it("are refused outside the picture", () => {
    expect(() => quantiseBox([0, 0, 1.2, 1])).toThrow(UsageError);
    expect(() => quantiseBox([0, Number.NaN, 1, 1])).toThrow(UsageError);
  });
});
