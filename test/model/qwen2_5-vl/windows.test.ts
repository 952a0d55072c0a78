import { describe, expect, it } from "vitest";
import { smartSize } from "../../../src/model/qwen2_5-vl/preprocessing.ts";
import { windowsOf } from "../../../src/model/qwen2_5-vl/windows.ts";

describe("windows of the tower", () => {
  it("tile the grid; at its edges they are smaller", () => {
    expect(windowsOf({ rows: 3, columns: 5 }, 2)).toEqual({
      order: [0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14],
      lengths: [4, 4, 2, 2, 2, 1],
    });
    expect(windowsOf({ rows: 1, columns: 3 }, 4)).toEqual({ order: [0, 1, 2], lengths: [3] });
  });
});

describe("the size that a picture is stretched to", () => {
  const bounds = { least: 3136, most: 1003520 };
  it.each([
    // 126/28 = 4.5 is rounded to the even 4, 154/28 = 5.5 to 6.
    [
      { width: 126, height: 154 },
      { width: 112, height: 168 },
    ],
    [
      { width: 10, height: 10 },
      { width: 56, height: 56 },
    ],
    [
      { width: 4000, height: 1000 },
      { width: 1988, height: 476 },
    ],
  ])("of %o is %o", (size, wanted) => {
    expect(smartSize(size, 28, bounds)).toEqual(wanted);
  });

  // By transformers' smart_resize.
  it.each([
    // As many pixels as the bounds allow, when rounded: 85/28 and 83/28 are near 3.
    [
      { width: 85, height: 83 },
      { least: 3136, most: 7056 },
      { width: 84, height: 84 },
    ],
    [
      { width: 85, height: 83 },
      { least: 7056, most: 99999 },
      { width: 84, height: 84 },
    ],
    [
      { width: 84, height: 84 },
      { least: 3136, most: 7055 },
      { width: 56, height: 56 },
    ],
    [
      { width: 56, height: 56 },
      { least: 3137, most: 9999 },
      { width: 84, height: 84 },
    ],
    // Shrunk, the shorter side would have no cell left.
    [
      { width: 3999, height: 20 },
      { least: 3136, most: 20000 },
      { width: 1988, height: 28 },
    ],
    [
      { width: 30, height: 3000 },
      { least: 3136, most: 40000 },
      { width: 28, height: 1988 },
    ],
  ])("of %o within %o is %o", (size, own, wanted) => {
    expect(smartSize(size, 28, own)).toEqual(wanted);
  });

  it("is refused where one side is more than 200 times the other", () => {
    expect(() => smartSize({ width: 4020, height: 20 }, 28, bounds)).toThrow("4020 × 20 pixels is too narrow");
    expect(smartSize({ width: 4000, height: 20 }, 28, bounds).height).toBe(28);
  });
});
