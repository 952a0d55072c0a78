import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap } from "../../../src/core/taps.ts";
import type { Preprocessing } from "../../../src/model/preprocessing.ts";
import { disposeModel, type EncodedImages, type Vlm } from "../../../src/model/vlm.ts";
import { batchOf } from "../../../src/pipeline/processor.ts";
import { tinyFamily } from "../../support-families.ts";

let model: Vlm;
let preprocessing: Preprocessing;
beforeAll(async () => {
  await useBackend("wasm");
  ({ model, preprocessing } = tinyFamily("qwen2_5_vl"));
});
afterAll(() => disposeModel(model));

describe("what Qwen2.5-VL's tower shows of a picture of one colour", () => {
  /** 3 × 4 cells, whose patches differ in their position alone. */
  function seen() {
    const picture = { width: 32, height: 24, pixels: new Uint8Array(32 * 24 * 3).fill(200) };
    const inputs = batchOf([preprocessing.prepare(picture)]);
    const [{ grids }] = model.encode(inputs, noTap).next().value as readonly EncodedImages[];
    return grids[0];
  }

  it("are keys before rotary positions, which are then alike in every cell", () => {
    tf.tidy(() => {
      const grid = seen();
      for (const block of grid.fullAttentionBlocks) {
        const keys = grid.block(block).keys.arraySync()[0];
        expect(keys).toHaveLength(12);
        for (const key of keys)
          key.forEach((value, channel) => {
            expect(value).toBeCloseTo(keys[0][channel], 4);
          });
        // Attention has the positions, so that cells get unequal shares.
        const shares = [...grid.block(block).received().dataSync()];
        expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(1e-5);
      }
    });
  });

  it("are norms of keys over all heads, which positions do not change", () => {
    tf.tidy(() => {
      const grid = seen();
      const [key] = grid.block(grid.featureBlock).keys.arraySync()[0];
      for (const norm of grid.keyNorms.dataSync()) expect(norm).toBeCloseTo(Math.hypot(...key), 4);
    });
  });

  it("says of the tower what config.json does", () => {
    tf.tidy(() => {
      expect(seen()).toMatchObject({
        grid: { rows: 3, columns: 4 },
        heads: 2,
        blocks: 4,
        featureBlock: 3,
        fullAttentionBlocks: [1, 3],
        extraTokens: 0,
        prefixTokens: 0,
      });
    });
  });
});
