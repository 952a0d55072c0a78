import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { definition, pooledGrid, pooling } from "../../src/methods/pooling.ts";
import { chosen } from "./support.ts";

const SIZE = { family: "llava", tiles: [1], layers: 32, visionBlocks: 24, featureBlocks: 23, capabilities: [] };

beforeAll(async () => {
  await useBackend("wasm");
});

describe("adaptive average pooling", () => {
  it.each([
    [64, 8],
    [128, 11],
    [192, 14],
  ])("gives the paper's grids: for %d tokens of 24×24 a side of %d", (tokens, side) => {
    expect(pooledGrid({ rows: 24, columns: 24 }, tokens)).toEqual({ rows: side, columns: side });
    const size = { ...SIZE, grids: [{ rows: 24, columns: 24 }], total: 576 };
    expect(definition.budget({ ratio: tokens / 576 }, size)).toBe(tokens);
  });

  it("keeps the shape of the picture, at least one token, and no more rows than there are", () => {
    expect(pooledGrid({ rows: 4, columns: 16 }, 16)).toEqual({ rows: 2, columns: 8 });
    expect(pooledGrid({ rows: 3, columns: 5 }, 1)).toEqual({ rows: 1, columns: 1 });
    expect(pooledGrid({ rows: 3, columns: 5 }, 15)).toEqual({ rows: 3, columns: 5 });
  });

  it("averages overlapping bins, each in the cell of its middle", () => {
    const { cells, weights } = chosen(pooling({ keep: 2 }), { rows: 2, columns: 5 });
    // Columns 0-2 and 2-4: the middle column belongs to both.
    expect(cells).toEqual([1, 3]);
    const part = Math.fround(1 / 6);
    expect(weights).toEqual([
      [part, part, part, 0, 0, part, part, part, 0, 0],
      [0, 0, part, part, part, 0, 0, part, part, part],
    ]);
  });

  it("is the identity when every cell has its own bin", () => {
    const { cells, weights } = chosen(pooling({ keep: 4 }), { rows: 2, columns: 2 });
    expect(cells).toEqual([0, 1, 2, 3]);
    expect(weights).toEqual([0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j))));
  });

  it("stands in the cell left of and above the middle where a bin has no middle cell", () => {
    expect(chosen(pooling({ keep: 2 }), { rows: 2, columns: 4 }).cells).toEqual([0, 2]);
  });
});
