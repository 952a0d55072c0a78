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
    // By transformers' select_best_resolution: 405·(672/811) = 335.6 pixels are 335, and so are 356·(672/713) = 335.5,
    // so that the longer resolution keeps more.
    [
      { width: 405, height: 811 },
      { width: 336, height: 1008 },
    ],
    [
      { width: 713, height: 356 },
      { width: 1008, height: 336 },
    ],
    // Enlarging keeps no more pixels than there are: the smallest resolution that wastes nothing of them.
    [
      { width: 31, height: 20 },
      { width: 672, height: 336 },
    ],
  ])("of %o is %o", (size, wanted) => {
    expect(bestResolution(size, PINPOINTS)).toEqual(wanted);
  });

  it("holds the scaled picture, rounded up and no larger than itself", () => {
    expect(scaledInto({ width: 410, height: 164 }, { width: 252, height: 84 })).toEqual({ width: 210, height: 84 });
    // 100·(168/300) is a little more than 56 in floating point, there as here.
    expect(scaledInto({ width: 300, height: 100 }, { width: 168, height: 84 })).toEqual({ width: 168, height: 57 });
    // 38·(336/19) is a little more than 672.
    expect(scaledInto({ width: 38, height: 19 }, { width: 672, height: 336 })).toEqual({ width: 672, height: 336 });
    // 100·(84/250) = 33.6 and 100·(84/220) = 38.2, each the shorter side.
    expect(scaledInto({ width: 100, height: 250 }, { width: 84, height: 84 })).toEqual({ width: 34, height: 84 });
    expect(scaledInto({ width: 100, height: 220 }, { width: 84, height: 84 })).toEqual({ width: 39, height: 84 });
    expect(scaledInto({ width: 220, height: 100 }, { width: 84, height: 84 })).toEqual({ width: 84, height: 39 });
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

  // By transformers' unpad_image on 24 × 48 cells: 20·(48/42) = 22.86 rows are 22, 34·(48/86) = 18.98 are 18, and
  // 31·(24/20) = 37.2 columns are 37, of which one more stays.
  it.each([
    [42, 20, { top: 1, left: 0, rows: 22, columns: 48 }],
    [86, 34, { top: 3, left: 0, rows: 18, columns: 48 }],
    [31, 20, { top: 0, left: 5, rows: 24, columns: 38 }],
    [64, 20, { top: 4, left: 0, rows: 16, columns: 48 }],
  ])("of a picture of %i × %i are %o", (width, height, wanted) => {
    expect(unpadded({ width, height }, { rows: 24, columns: 48 })).toEqual(wanted);
  });
});
