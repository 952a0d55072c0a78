import { describe, expect, it } from "vitest";
import { bestResolution, scaledInto, unpadded } from "../../../src/model/llava-next/resolution.ts";

const PINPOINTS = [
  [336, 672],
  [672, 336],
  [672, 672],
  [1008, 336],
  [336, 1008],
] as const;

describe("the resolution of a picture", () => {
  it.each([
    // Wide, tall, square and very wide pictures; among equals the first of the list.
    [
      { width: 800, height: 400 },
      { width: 672, height: 336 },
    ],
    [
      { width: 400, height: 800 },
      { width: 336, height: 672 },
    ],
    [
      { width: 700, height: 700 },
      { width: 672, height: 672 },
    ],
    [
      { width: 1200, height: 300 },
      { width: 1008, height: 336 },
    ],
    [
      { width: 50, height: 50 },
      { width: 672, height: 336 },
    ],
  ])("of %o is %o", (size, wanted) => {
    expect(bestResolution(size, PINPOINTS)).toEqual(wanted);
  });

  it("holds the scaled picture, rounded up and no larger than itself", () => {
    expect(scaledInto({ width: 410, height: 164 }, { width: 252, height: 84 })).toEqual({ width: 210, height: 84 });
    // 100·(168/300) is a little more than 56 in floating point, there as here.
    expect(scaledInto({ width: 300, height: 100 }, { width: 168, height: 84 })).toEqual({ width: 168, height: 57 });
  });
});

describe("the cells that show the picture", () => {
  it("are as many on both sides, so that one more may stay; a rounding error does not cost a column", () => {
    // 410·(6/164) is a little less than 15 in floating point.
    expect(unpadded({ width: 410, height: 164 }, { rows: 6, columns: 18 })).toEqual({
      top: 0,
      left: 1,
      rows: 6,
      columns: 16,
    });
    expect(unpadded({ width: 300, height: 100 }, { rows: 6, columns: 12 })).toEqual({
      top: 1,
      left: 0,
      rows: 4,
      columns: 12,
    });
    expect(unpadded({ width: 70, height: 35 }, { rows: 6, columns: 12 })).toEqual({
      top: 0,
      left: 0,
      rows: 6,
      columns: 12,
    });
  });
});
