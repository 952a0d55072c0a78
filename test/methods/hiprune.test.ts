import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap } from "../../src/core/taps.ts";
import { definition, hiprune } from "../../src/methods/hiprune.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { expected, firstGrid, relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";
import { chosen, patchView } from "./support.ts";

const GRID = { rows: 10, columns: 10 };
const SIZE = { family: "llava", grids: [GRID], tiles: [1], total: 100, layers: 32, featureBlocks: 1, capabilities: [] };

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
    const unsaid = hiprune({ keep: 5, anchorShare: 1, objectBlock: 0 });
    expect(chosen(unsaid, { rows: 3, columns: 4, keys }).cells).toEqual(cells("wrapped", 5));
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
    const method = hiprune({ keep: 6, anchorShare: 1, objectBlock: 0, neighbours: "inside" });
    const { cells } = chosen(method, { rows: 5, columns: 5, favourites: [6, 24, 12] });
    // The block of the features is the second one here.
    expect(cells).toEqual([1, 5, 6, 7, 11, 24]);
  });

  it("takes anchors from the ninth of 24 blocks, and from the block at that share of other towers", () => {
    const asked: number[] = [];
    for (const visionBlocks of [24, 8, 5, 1]) {
      const method = definition.create({ average: { tokens: 50 } }, { ...SIZE, visionBlocks });
      tf.tidy(() => {
        const view = patchView(GRID);
        const block = (index: number) => {
          asked.push(index);
          return view.block(0);
        };
        const fullAttentionBlocks = [...Array(visionBlocks).keys()];
        runSync(() => method.selectPatches({ ...view, fullAttentionBlocks, block, featureBlock: 0 }, noTap));
      });
    }
    // Blocks are counted from 0; the second of each pair is that of the features.
    expect(asked).toEqual([8, 0, 2, 0, 1, 0, 0, 0]);
  });

  it("is all registers where the budget has no room for anchors", () => {
    const { cells } = chosen(hiprune({ keep: 2, objectBlock: 0 }), { rows: 3, columns: 4, keys });
    expect(cells).toEqual([4, 11]);
  });

  it("finds nothing beside an anchor at the right edge when neighbours lie inside", () => {
    const method = hiprune({ keep: 5, anchorShare: 1, objectBlock: 0, neighbours: "inside" });
    // Patch 7 ends the second of three rows; patch 1 is the register.
    expect(chosen(method, { rows: 3, columns: 4, favourites: [7, 1] }).cells).toEqual([1, 3, 6, 7, 11]);
  });

  it("gives a tenth of the budget to anchors with their buffers when nothing else is said", () => {
    const attracts = Array.from({ length: 101 }, (_, token) => [token === 78 ? 5 : token === 96 ? 4 : 0]);
    const { cells } = chosen(hiprune({ keep: 50, objectBlock: 0 }), { rows: 10, columns: 10, keys: attracts });
    // Patch 77 with what lies beside it; patch 95 is a register, and so are the first 44 of the raster.
    expect(cells).toEqual([...Array.from({ length: 44 }, (_, i) => i), 67, 76, 77, 78, 87, 95]);
  });

  it("scales by the width of a head", () => {
    // Head 0 is shared by the class token and patch 0, about a half each at any scale. In head 1 patch 1 gets
    // u/(u + 4) with u = exp(2.1 · scale), and patch 0 gets 1/(u + 4): patch 1 leads from u = 6 on. Heads of
    // width 1 give u = 8.2; the scale of the full width, 1/√2, would give 4.4.
    const keys = [
      [10, 0],
      [10, 0],
      [0, 2.1],
      [0, 0],
      [0, 0],
    ];
    const queries = keys.map(() => [1, 1]);
    const shown = { rows: 2, columns: 2, queries, keys, heads: 2 };
    expect(chosen(hiprune({ keep: 1, objectBlock: 0 }), shown).cells).toEqual([1]);
  });
});

describe("HiPrune as released", () => {
  const want = expected("peers", "hiprune.safetensors");
  const shape = { hidden_size: 4, intermediate_size: 8, num_hidden_layers: 24, image_size: 24, patch_size: 1 };
  const pixels = () => tf.tensor4d(want.floats("pixel_values"), [1, 3, 24, 24]);
  const model = () =>
    tinyModel({ vision: shape }, (tensors) => {
      for (const [name, old] of tensors) {
        if (!name.startsWith("vision_tower.")) continue;
        tensors.set(name, tf.tensor(want.floats(name), [...want.shape(name)]));
        old.dispose();
      }
    });

  it("reads the same tower", () => {
    const tower = model();
    tf.tidy(() => {
      const { features } = firstGrid(tower.encode({ pixels: pixels() }, noTap));
      expect(relativeError(features.dataSync(), want.floats("features"))).toBeLessThan(1e-5);
    });
    tf.dispose([...tower.tensors.values()]);
  });

  const cases = want.names.filter((name) => name.endsWith(".cells"));

  it("was asked with nine budgets", () => expect(cases).toHaveLength(9));

  it.each(cases)("keeps the same patches: %s", (name) => {
    // N', α and the object layer, counted from 1.
    const [, keep, anchorShare, layer] = (/^(\d+)\.(.+)\.(\d+)\.cells$/.exec(name) as RegExpExecArray).map(Number);
    const [tower, image] = [model(), pixels()];
    const method = hiprune({ keep, anchorShare, objectBlock: layer - 1 });
    const result = runSync(() => forward(tower, { pixels: image, prompts: [[1, 3, 5]] }, method));
    const tokens = result.ledgers[0]?.tokens ?? [];
    expect(tokens.map(({ cell }) => cell)).toEqual(want.integers(name));
    // The decoder numbers what is left as it comes.
    expect(tokens.map(({ position }) => position)).toEqual(tokens.map((_, i) => [1 + i]));
    tf.dispose([image, ...tensorsIn(result), ...tower.tensors.values()]);
  });

  it("keeps the same patches at the published budget when only the budget is said", () => {
    const [tower, image] = [model(), pixels()];
    const size = { ...SIZE, grids: [{ rows: 24, columns: 24 }], total: 576, visionBlocks: 24, featureBlocks: 23 };
    const method = definition.create({ average: { tokens: 64 } }, size);
    const result = runSync(() => forward(tower, { pixels: image, prompts: [[1, 3, 5]] }, method));
    expect(result.ledgers[0]?.tokens.map(({ cell }) => cell)).toEqual(want.integers("64.0.1.9.cells"));
    tf.dispose([image, ...tensorsIn(result), ...tower.tensors.values()]);
  });
});
