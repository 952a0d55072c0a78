import * as tf from "@tensorflow/tfjs";
import { noTap } from "../../core/taps.ts";
import type { QwenConfig } from "../../model/qwen2_5-vl/config.ts";
import { merge } from "../../model/qwen2_5-vl/merger.ts";
import { parsePreprocessing } from "../../model/qwen2_5-vl/preprocessing.ts";
import { createModel } from "../../model/qwen2_5-vl/qwen2_5-vl.ts";
import { visionTower } from "../../model/qwen2_5-vl/tower.ts";
import { weightsTree } from "../../model/weights.ts";
import { renderScenes } from "../../world/rendering.ts";
import type { Miniature } from "./miniature.ts";
import { preprocessorConfig, qwenFiles } from "./qwen-files.ts";
import { qwenDialect, SIDE } from "./qwen-tokens.ts";

/**
 * Qwen2.5-VL: a tower with windows and rotary positions, without a class token, and a merger that makes one visual
 * token of 2 × 2 patches. Rotary positions are relative, so that a patch does not know where in the picture it is.
 */
export function qwenMiniature(config: QwenConfig): Miniature {
  const { vision } = config;
  const patches = { rows: SIDE / vision.patchSize, columns: SIDE / vision.patchSize };
  const perSide = vision.spatialMergeSize;
  const cells = { rows: patches.rows / perSide, columns: patches.columns / perSide };
  const preprocessing = parsePreprocessing("preprocessor_config.json", preprocessorConfig(config), config);
  const values = patches.rows * patches.columns * 3 * vision.temporalPatchSize * vision.patchSize ** 2;
  const size = [1, patches.rows, patches.columns];
  return {
    config,
    dialect: qwenDialect(),
    side: SIDE,
    patches,
    cells,
    towerWidth: vision.hiddenSize,
    heads: ["features"],
    knowsPlaces: false,
    async pixelsOf(scenes) {
      const all = new Float32Array(scenes.length * values);
      (await renderScenes(scenes, SIDE)).forEach((pixels, i) => {
        const { pixelValues } = preprocessing.prepare({ width: SIDE, height: SIDE, pixels });
        all.set(pixelValues.values, i * values);
      });
      return all;
    },
    images(pixels) {
      const pictures = pixels.length / values;
      const rows = pictures * patches.rows * patches.columns;
      return { pixels: tf.tensor2d(pixels, [rows, pixels.length / rows]), sizes: new Array(pictures).fill(size) };
    },
    see(tensors, images) {
      const w = weightsTree(tensors).at("visual");
      const rows = patches.rows * patches.columns;
      const pixels = images.pixels.reshape<tf.Tensor3D>([-1, rows, images.pixels.shape[1] as number]);
      const { hiddenStates, windows } = visionTower(w, vision, pixels, cells, noTap);
      const last = hiddenStates[vision.depth];
      const tokens = merge(w.at("merger"), last, perSide ** 2);
      return {
        states: [
          {
            head: "features",
            patches: inRaster(last, rasterOf(windows.order, cells.columns, perSide)),
            whole: undefined,
          },
        ],
        tokens: inRaster(tokens, rasterOf(windows.order, cells.columns, 1)),
      };
    },
    create: (tensors) => createModel(config, tensors),
    partOf(weight) {
      if (weight.startsWith("visual.merger.")) return "projector";
      if (weight.startsWith("visual.")) return "tower";
      return /^(model|lm_head)\./.test(weight) ? "decoder" : undefined;
    },
    files: () => qwenFiles(config),
    unread: () => [],
  };
}

/** Rows in another order: [I, P, D]. */
function inRaster(x: tf.Tensor3D, rows: readonly number[]): tf.Tensor3D {
  return tf.gather(x, tf.tensor1d([...rows], "int32"), 1);
}

/**
 * For each patch in raster order its row in the tower, which has one cell after the other.
 *
 * @param order of the cells in the tower, whose grid has so many columns
 * @param perSide patches on each side of a cell
 */
function rasterOf(order: readonly number[], columns: number, perSide: number): number[] {
  const rows = new Array<number>(order.length * perSide ** 2);
  order.forEach((cell, at) => {
    const [top, left] = [Math.floor(cell / columns) * perSide, (cell % columns) * perSide];
    for (let patch = 0; patch < perSide ** 2; patch++) {
      const [row, column] = [top + Math.floor(patch / perSide), left + (patch % perSide)];
      rows[row * columns * perSide + column] = at * perSide ** 2 + patch;
    }
  });
  return rows;
}
