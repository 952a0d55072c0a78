import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap, record } from "../../../src/core/taps.ts";
import type { Preprocessing } from "../../../src/model/preprocessing.ts";
import { disposeModel, type EncodedImages, type Vlm } from "../../../src/model/vlm.ts";
import { batchOf } from "../../../src/pipeline/processor.ts";
import { preparedNoise, tinyFamily } from "../../support-families.ts";

let model: Vlm;
let preprocessing: Preprocessing;
beforeAll(async () => {
  await useBackend("wasm");
  ({ model, preprocessing } = tinyFamily("llava_next"));
});
afterAll(() => disposeModel(model));

/** The grids of one picture of noise, and the features of its tiles, [T·16, D]. */
function seen(width: number, height: number) {
  const recorder = record(["vision.features"]);
  const inputs = batchOf(preparedNoise(preprocessing, [[width, height]]));
  const [{ grids }] = model.encode(inputs, recorder.tap).next().value as readonly EncodedImages[];
  const tiles = recorder.get("vision.features").reshape([-1, 16]).arraySync() as number[][];
  recorder.dispose();
  return { grids, tiles };
}

describe("the local grid of a picture in tiles of 4 × 4 patches", () => {
  const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

  // Two tiles beside that of the whole picture, which has the patches 0 to 15; the padding is a patch on both sides.
  it.each([
    // Side by side: the middle two rows of patches of each, row by row.
    [32, 8, { rows: 2, columns: 8 }, [20, 36, 24, 40].flatMap((first) => run(first, 4))],
    // One above the other: the middle two columns of each.
    [8, 32, { rows: 8, columns: 2 }, run(4, 8).flatMap((row) => run(4 * row + 1, 2))],
  ])("is what shows the picture of %i × %i, and not its padding", (width, height, grid, patches) => {
    tf.tidy(() => {
      const { grids, tiles } = seen(width, height);
      expect(grids.map((one) => one.grid)).toEqual([{ rows: 4, columns: 4 }, grid]);
      expect(grids[1].features.arraySync()).toEqual([patches.map((patch) => tiles[patch])]);
      expect(grids[0].features.arraySync()).toEqual([tiles.slice(0, 16)]);
    });
  });

  it("says of the tower what config.json does: CLIP attends over everything in every block", () => {
    tf.tidy(() => {
      // vision_feature_layer −2 is the state that the second of three blocks makes.
      for (const grid of seen(32, 8).grids)
        expect(grid).toMatchObject({
          heads: 2,
          blocks: 3,
          featureBlock: 1,
          fullAttentionBlocks: [0, 1, 2],
          extraTokens: 0,
          prefixTokens: 0,
        });
    });
  });

  it("has the norms of the keys of the features' block", () => {
    tf.tidy(() => {
      const inputs = batchOf(preparedNoise(preprocessing, [[32, 8]]));
      const [{ grids }] = model.encode(inputs, noTap).next().value as readonly EncodedImages[];
      for (const { block, featureBlock, keyNorms } of grids) {
        const lengths = block(featureBlock)
          .keys.arraySync()[0]
          .map((key) => Math.hypot(...key));
        keyNorms.dataSync().forEach((norm, cell) => {
          expect(norm).toBeCloseTo(lengths[cell], 4);
        });
      }
    });
  });
});
