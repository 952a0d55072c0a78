import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { SHAPES } from "../../src/world/attributes.ts";
import { corners, covers, intersectionOverUnion } from "../../src/world/geometry.ts";

const unit: Box = [0, 0, 1, 1];
const box = fc
  .tuple(fc.double({ min: 0, max: 0.7, noNaN: true }), fc.double({ min: 0, max: 0.7, noNaN: true }))
  .chain(([x, y]) => fc.double({ min: 0.05, max: 0.3, noNaN: true }).map((side): Box => [x, y, x + side, y + side]));

describe("shapes", () => {
  it("touch all four sides of their boxes with their corners", () => {
    for (const shape of SHAPES) {
      const points = corners(shape, unit);
      if (!points) continue;
      for (const axis of [0, 1]) {
        const along = points.map((point) => point[axis]);
        expect(Math.min(...along), shape).toBeCloseTo(0, 12);
        expect(Math.max(...along), shape).toBeCloseTo(1, 12);
      }
    }
  });

  it("cover the area that geometry says", () => {
    const area = (shape: (typeof SHAPES)[number]): number => {
      let hits = 0;
      for (let i = 0; i < 10_000; i++)
        if (covers(shape, unit, ((i % 100) + 0.5) / 100, (Math.floor(i / 100) + 0.5) / 100)) hits++;
      return hits / 10_000;
    };
    expect(area("square")).toBe(1);
    expect(area("circle")).toBeCloseTo(Math.PI / 4, 2);
    expect(area("ring")).toBeCloseTo((Math.PI / 4) * (1 - 0.55 ** 2), 2);
    expect(area("triangle")).toBeCloseTo(0.5, 2);
    expect(area("cross")).toBeCloseTo(2 * 0.34 - 0.34 ** 2, 2);
  });

  it("cover nothing outside their boxes, and rings not their middles", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), box, (shape, one) => {
        const [x0, y0, x1, y1] = one;
        expect(covers(shape, one, x0 - 0.01, (y0 + y1) / 2)).toBe(false);
        expect(covers(shape, one, (x0 + x1) / 2, y1 + 0.01)).toBe(false);
        expect(covers(shape, one, (x0 + x1) / 2, (y0 + y1) / 2)).toBe(shape !== "ring");
      }),
    );
  });
});

describe("intersectionOverUnion", () => {
  it("is 1 for a box with itself, 0 for boxes apart, and the same in both orders", () => {
    fc.assert(
      fc.property(box, box, (a, b) => {
        expect(intersectionOverUnion(a, a)).toBeCloseTo(1, 9);
        const iou = intersectionOverUnion(a, b);
        expect(iou).toBeCloseTo(intersectionOverUnion(b, a), 12);
        expect(iou >= 0 && iou <= 1).toBe(true);
      }),
    );
    expect(intersectionOverUnion([0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1])).toBe(0);
    expect(intersectionOverUnion([0, 0, 0.5, 1], [0.25, 0, 0.75, 1])).toBeCloseTo(1 / 3, 12);
    expect(intersectionOverUnion([0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2])).toBe(0);
  });
});
