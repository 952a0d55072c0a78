import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { COLOURS, SHAPES, SIZES } from "../../src/world/attributes.ts";
import { patchLabels } from "../../src/world/labels.ts";
import { sceneOf } from "../../src/world/scene.ts";

const seed = fc.integer({ min: 0, max: 2 ** 30 - 1 });
const side = fc.integer({ min: 12, max: 24 });

describe("patchLabels", () => {
  it("names every shape in at least one patch, and only in patches that its box meets", () => {
    fc.assert(
      fc.property(seed, side, side, (number, rows, columns) => {
        const scene = sceneOf("train", number);
        const { object, coverage } = patchLabels(scene, rows, columns);
        expect(object.length).toBe(rows * columns);
        expect(new Set(object.filter((one) => one > 0)).size).toBe(scene.shapes.length);
        object.forEach((one, patch) => {
          expect(coverage[patch] > 0).toBe(one > 0);
          if (one === 0) return;
          const [x0, y0, x1, y1] = scene.shapes[one - 1].box;
          const [row, column] = [Math.floor(patch / columns), patch % columns];
          expect(x0 * columns < column + 1 && x1 * columns > column).toBe(true);
          expect(y0 * rows < row + 1 && y1 * rows > row).toBe(true);
        });
      }),
    );
  });

  it("gives each patch the shape, colour and size of its object, and 0 to the background", () => {
    fc.assert(
      fc.property(seed, (number) => {
        const scene = sceneOf("train", number);
        const labels = patchLabels(scene, 12, 12);
        labels.object.forEach((one, patch) => {
          const shape = one === 0 ? undefined : scene.shapes[one - 1];
          expect(labels.shape[patch]).toBe(shape ? SHAPES.indexOf(shape.shape) + 1 : 0);
          expect(labels.colour[patch]).toBe(shape ? COLOURS.indexOf(shape.colour) + 1 : 0);
          expect(labels.size[patch]).toBe(shape ? SIZES.indexOf(shape.size) + 1 : 0);
        });
      }),
    );
  });

  it("covers a square's inner patches whole and those outside its box not at all", () => {
    const scene = sceneOf("train", 0);
    const square = { ...scene.shapes[0], shape: "square", box: [0.25, 0.25, 0.75, 0.75] } as const;
    const { object, coverage } = patchLabels({ ...scene, shapes: [square] }, 8, 8);
    object.forEach((one, patch) => {
      const inside = [Math.floor(patch / 8), patch % 8].every((at) => at >= 2 && at < 6);
      expect(one).toBe(inside ? 1 : 0);
      expect(coverage[patch]).toBe(inside ? 1 : 0);
    });
  });

  it("leaves a patch to the background of which a shape covers less than a quarter", () => {
    const scene = sceneOf("train", 0);
    // From the middle of a patch's first fifth on: 1/5 and 2/5 of the patches at its left edge.
    const squareFrom = (left: number) =>
      ({ ...scene.shapes[0], shape: "square", box: [left, 0.25, 0.75, 0.75] }) as const;
    const classAt = (left: number) => patchLabels({ ...scene, shapes: [squareFrom(left)] }, 4, 4).object[4];
    expect(classAt(0.25 - 0.05)).toBe(0);
    expect(classAt(0.25 - 0.1)).toBe(1);
  });

  it("refuses a grid without patches", () => {
    expect(() => patchLabels(sceneOf("train", 0), 0, 12)).toThrow(UsageError);
    expect(() => patchLabels(sceneOf("train", 0), 12, 1.5)).toThrow(UsageError);
  });
});
