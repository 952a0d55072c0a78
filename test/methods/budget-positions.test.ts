import { describe, expect, it } from "vitest";
import { type AverageTokens, averageCount, parseAverage, sharedOut, wholeCount } from "../../src/methods/budget.ts";
import { solveBudget } from "../../src/methods/nuwa/budget.ts";
import { imagePositions } from "../../src/methods/nuwa/positions.ts";
import { rasterShape } from "../../src/model/image-shape.ts";

/** Examples; what holds for every input is stated in test/properties/budget.test.ts and positions.test.ts. */
describe("budgets", () => {
  it.each([
    [64, 112, 16],
    [128, 224, 32],
    [192, 336, 48],
  ])("are the paper's for %s of 576 on average", (average, k, k2) => {
    expect(solveBudget({ tokens: average }, 576, 32, 16)).toEqual({ stage1: k, stage2: k2 });
    expect(solveBudget({ ratio: average / 576 }, 576, 32, 16)).toEqual({ stage1: k, stage2: k2 });
  });

  it("refuse more than there is, and less than one token", () => {
    expect(() => solveBudget({ tokens: 577 }, 576, 32, 16)).toThrow(/exceeds the 576/);
    expect(() => solveBudget({ ratio: 0.001 }, 36, 6, 3)).toThrow(/less than one token/);
  });

  it("refuse what is no number, by its name", () => {
    for (const average of [{ tokens: Number.NaN }, { ratio: Number.NaN }, {}, "1/9", { tokens: "4" }])
      expect(() => averageCount(average as AverageTokens, 16)).toThrow(
        /^average .+ is not \{ tokens \} or \{ ratio \}/,
      );
    expect([averageCount({ tokens: 4 }, 16), averageCount({ ratio: 0.5 }, 16)]).toEqual([4, 8]);
  });

  it("are counted to the token where rounding is near, from one token to all of them", () => {
    // In float64, (506/887)·887 is a little less than 506.
    expect((506 / 887) * 887).toBeLessThan(506);
    expect(averageCount({ ratio: 506 / 887 }, 887)).toBe(506);
    expect([
      averageCount({ tokens: 1 }, 16),
      averageCount({ ratio: 1 / 16 }, 16),
      averageCount({ ratio: 1 }, 16),
    ]).toEqual([1, 1, 16]);
    expect([wholeCount({ ratio: 0.1 }, 16), wholeCount({ ratio: 0.15 }, 17), wholeCount({ tokens: 2.4 }, 16)]).toEqual([
      2, 3, 2,
    ]);
  });

  it("are shared out over grids by their tiles: one each at least, and all or nothing where that is asked for", () => {
    // A base tile of 4 cells, and 4 cells that were made of two tiles.
    const image = {
      grids: [
        { rows: 2, columns: 2 },
        { rows: 1, columns: 4 },
      ],
      tiles: [1, 2],
    }; // prettier-ignore
    expect([0, 3, 5, 6, 7, 8].map((count) => sharedOut(count, image))).toEqual([
      [0, 0],
      [1, 2],
      [1, 2],
      [2, 4],
      [2, 4],
      [4, 4],
    ]);
    expect(() => sharedOut(2, image)).toThrow("a budget of 2 tokens is less than one for each of the image's 3 tiles.");
  });

  it("are written as tokens or as ratios", () => {
    expect(parseAverage("64")).toEqual({ tokens: 64 });
    expect(parseAverage("1/9")).toEqual({ ratio: 1 / 9 });
    expect(parseAverage("0.25")).toEqual({ ratio: 0.25 });
    expect(parseAverage("1/1")).toEqual({ ratio: 1 });
    for (const text of ["", "0", "0/9", "1/0", "-3", "9/1", "1.5", "abc", "1/9/2", "1e3", "NaN", "Infinity", " 64"])
      expect(() => parseAverage(text), text).toThrow(/average/);
  });
});

/** 24×24 cells. */
const IMAGE = rasterShape({ rows: 24, columns: 24 });

describe("position ids", () => {
  it("tokens without a cell take the id of the one before them, in any order of the others", () => {
    const tokens = [undefined, [9], [4], undefined, [30], undefined];
    expect(imagePositions("original", tokens, 35, IMAGE)).toEqual({
      visual: [[35], [44], [39], [39], [65], [65]],
      nextPosition: 611,
    });
    expect(imagePositions("compressed", tokens, 35, IMAGE)).toEqual({
      visual: [[35], [36], [37], [38], [39], [40]],
      nextPosition: 41,
    });
    const stretched = 35 + Math.ceil((9 * 575) / 30);
    expect(imagePositions("rpme", tokens, 35, IMAGE)).toEqual({
      visual: [[35], [stretched], [35], [35], [610], [610]],
      nextPosition: 611,
    });
    expect(imagePositions("rpme", [undefined], 35, IMAGE)).toEqual({ visual: [[35]], nextPosition: 611 });
  });

  it("may be 0, also where a function gives them", () => {
    const ids = { visual: [[0], [1]], nextPosition: 0 };
    expect(imagePositions(() => ids, [[3], [4]], 0, IMAGE)).toEqual(ids);
  });

  it.each([
    ["original", [39, 44, 65], 611],
    ["compressed", [35, 36, 37], 38],
    ["rpme", [35, 208, 610], 611],
  ] as const)("of the cells 4, 9 and 30 of 576 after 35 tokens: %s", (policy, visual, nextPosition) => {
    expect(imagePositions(policy, [[4], [9], [30]], 35, IMAGE)).toEqual({
      visual: visual.map((id) => [id]),
      nextPosition,
    });
  });
});
