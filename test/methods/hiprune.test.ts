import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { hiprune } from "../../src/methods/hiprune.ts";
import { runSync } from "../../src/model/reading.ts";
import { noTap } from "../../src/tap.ts";
import { chosen, patchView } from "./support.ts";

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

  it("gives up the last buffers, and no anchor, where the budget ends in the middle of them", () => {
    const cells = (neighbours: "inside" | "wrapped", keep: number) =>
      chosen(hiprune({ keep, anchorShare: 1, objectBlock: 0, neighbours }), { rows: 3, columns: 4, keys }).cells;
    // Patch 4 and beside it in order: 5, 0 and 8, where the raster is wrapped first of all 3.
    expect(cells("inside", 3)).toEqual([0, 4, 5]);
    expect(cells("inside", 4)).toEqual([0, 4, 5, 8]);
    expect(cells("wrapped", 3)).toEqual([3, 4, 5]);
    expect(cells("wrapped", 4)).toEqual([0, 3, 4, 5]);
  });

  it("gives up buffers of the weaker anchor first, and keeps that anchor", () => {
    const attracts = (weak: number, strong: number) =>
      Array.from({ length: 26 }, (_, token) => [token === weak + 1 ? 4 : token === strong + 1 ? 5 : 0]);
    const cells = (weak: number, strong: number) =>
      chosen(hiprune({ keep: 8, anchorShare: 1, objectBlock: 0 }), {
        rows: 5,
        columns: 5,
        keys: attracts(weak, strong),
      }).cells;
    // Two anchors with four buffers each are ten; of the weaker one those above and below go.
    expect(cells(18, 6)).toEqual([1, 5, 6, 7, 11, 17, 18, 19]);
    expect(cells(6, 18)).toEqual([5, 6, 7, 13, 17, 18, 19, 23]);
  });

  it("takes anchors from the middle block and registers from that of the features", () => {
    const blocks = [6, 24, 12].map((favourite) =>
      Array.from({ length: 26 }, (_, token) => [token === favourite + 1 ? 5 : 0]),
    );
    const cells = tf.tidy(() => {
      const view = patchView({ rows: 5, columns: 5 });
      const queriesAndKeys = (block: number) => ({
        queries: tf.ones<tf.Rank.R3>([1, 26, 1]),
        keys: tf.tensor3d([blocks[block]]),
      });
      const method = hiprune({ keep: 6, anchorShare: 1, objectBlock: 0, neighbours: "inside" });
      return runSync(() => method.selectPatches({ ...view, queriesAndKeys }, noTap)).cells.map((own) => [...own]);
    });
    // The block of the features is the second one here.
    expect(cells).toEqual([[1, 5, 6, 7, 11, 24]]);
  });

  it("is all registers where the budget has no room for anchors", () => {
    const { cells } = chosen(hiprune({ keep: 2, objectBlock: 0 }), { rows: 3, columns: 4, keys });
    expect(cells).toEqual([4, 11]);
  });
});
