import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { uniformTargets, visionzip, visionzipBudget } from "../../src/methods/visionzip.ts";
import { chosen, patchView, type Shown } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("VisionZip", () => {
  it("keeps the class token and the dominant patches, and adds to each target the mean of what is like it", () => {
    // Dominant: patches 4 and 1. Left: 0, 2, 3, 5, 6, 7; stride 3; targets 0 and 5.
    const attention = [0, 8, 0, 0, 9, 0, 0, 0];
    const [right, up] = [
      [1, 0.1],
      [0.1, 1],
    ];
    const keys = [[9, 9], right, up, up, right, up, up, [3, 0], up];
    const { cells, weights } = chosen(visionzip({ dominant: 3, contextual: 2 }), {
      rows: 2,
      columns: 4,
      clsAttention: attention,
      keys,
    });
    expect(cells).toEqual([-1, 1, 4, 0, 5]);
    const half = 0.5;
    expect(weights).toEqual([
      [1, 0, 0, 0, 0, 0, 0, 0, 0],
      [0, 0, 1, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 1, 0, 0, 0],
      [0, 1, 0, 0, half, 0, 0, half, 0],
      [0, 0, 0, half, 0, 0, 1, 0, half],
    ]);
  });

  it("leaves a target that no other patch resembles as it is, and does without contextual tokens", () => {
    const keys = [[1], [1], [1], [1], [1]];
    const alike = chosen(visionzip({ dominant: 1, contextual: 2 }), { rows: 2, columns: 2, keys });
    expect(alike.cells).toEqual([-1, 0, 2]);
    // Equal cosines go to the first target.
    expect(alike.weights?.[1]).toEqual([0, 1, 0.5, 0, 0.5]);
    expect(alike.weights?.[2]).toEqual([0, 0, 0, 1, 0]);
    expect(chosen(visionzip({ dominant: 2, contextual: 0 }), { rows: 2, columns: 2 }).cells).toEqual([-1, 0]);
  });

  it("spaces its targets by whole strides from the first", () => {
    expect(uniformTargets([3, 4, 5, 6, 7, 8, 9], 3)).toEqual([3, 5, 7]);
    expect(uniformTargets([3, 4], 5)).toEqual([3, 4]);
  });

  /** Cells of one of two grids whose share of the budget is given. */
  const ofShare = (share: number, options: Parameters<typeof visionzip>[0], shown: Shown) =>
    tf.tidy(() => {
      const { grid, ...view } = patchView(shown);
      const seen = { ...view, grid, image: { grids: [grid, grid], tiles: [1, 1] }, share: () => share };
      return [...runSync(() => visionzip(options).selectPatches(seen, noTap)).cells[0]];
    });

  it("splits the share of each grid in the ratio of the whole, to the nearest token", () => {
    const shown = { rows: 2, columns: 4, clsAttention: [0, 9, 8, 7, 0, 0, 0, 6] };
    // 4 · 4/10 = 1.6: two contextual tokens, and one patch beside the class token.
    expect(ofShare(4, { dominant: 6, contextual: 4 }, shown)).toEqual([-1, 1, 0, 4]);
    // 4 · 3/10 = 1.2: one of them.
    expect(ofShare(4, { dominant: 7, contextual: 3 }, shown)).toEqual([-1, 1, 2, 0]);
  });

  it("leaves a dominant token in every grid, however few there are", () => {
    expect(ofShare(1, { dominant: 1, contextual: 9 }, { rows: 2, columns: 2 })).toEqual([-1]);
  });

  it("splits other sums than the published ones to the nearest token", () => {
    for (const [tokens, contextual] of [
      [64, 10],
      [128, 20],
      [192, 30],
      // 1.56, 3.44 and 0.16
      [10, 2],
      [22, 3],
      [1, 0],
    ])
      expect(visionzipBudget({ tokens }, 576)).toEqual({ dominant: tokens - contextual, contextual });
  });
});
