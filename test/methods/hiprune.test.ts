import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { hiprune } from "../../src/methods/hiprune.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("HiPrune", () => {
  /** Keys on a 3×4 grid, so that every query attends most to patch 4, then to 11, then to 0. */
  const keys = [0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 4].map((value) => [value]);

  it("keeps an anchor, what lies beside it, and registers to fill up", () => {
    const cells = (neighbours: "inside" | "wrapped", keep: number) =>
      chosen(hiprune({ keep, anchorShare: 1, objectBlock: 0, neighbours }), { rows: 3, columns: 4, keys }).cells;
    // One anchor, patch 4, at the left edge: its left neighbour in the raster is the end of the row above.
    expect(cells("inside", 5)).toEqual([0, 4, 5, 8, 11]);
    expect(cells("wrapped", 5)).toEqual([0, 3, 4, 5, 8]);
    expect(cells("wrapped", 7)).toEqual([0, 1, 3, 4, 5, 8, 11]);
  });

  it("is all registers where the budget has no room for anchors", () => {
    const { cells } = chosen(hiprune({ keep: 2, objectBlock: 0 }), { rows: 3, columns: 4, keys });
    expect(cells).toEqual([4, 11]);
  });
});
