import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import type { Grid } from "../../core/grid.ts";
import { within } from "../../core/taps.ts";
import { groupedBy, type ImageShape } from "../image-shape.ts";
import { decoderWeights } from "../transformer/decoder-weights.ts";
import type { EncodedImages, ImageSizes, Vlm } from "../vlm.ts";
import { type WeightSource, weightsTree } from "../weights.ts";
import type { QwenConfig } from "./config.ts";
import { encode } from "./encode.ts";
import { shapeOf } from "./mrope.ts";

/**
 * A Qwen2.5-VL model from its configuration and all its weights.
 *
 * Source: Bai et al., "Qwen2.5-VL Technical Report", arXiv 2502.13923.
 *
 * @param tensors by canonical name, in the shapes of the checkpoint
 * @param source gives all weights where `tensors` holds only some of them
 */
export function createModel(
  config: QwenConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  source: WeightSource = tensors,
): Vlm<QwenConfig> {
  const weights = weightsTree(source);
  return {
    config,
    weights,
    tensors,
    tapLayers: { vision: config.vision.depth, llm: config.text.numHiddenLayers },
    decoder: decoderWeights(weights, config.text),
    shapesOf: (images) => shapesOf(config, images),
    *encode(images, tap) {
      const grids = gridsOf(images, config);
      const encoded: EncodedImages[] = [];
      for (const numbers of groupedBy(grids.map(({ rows, columns }) => `${rows}×${columns}`))) {
        const grid = grids[numbers[0]];
        const patches = patchesOf(images.pixels as tf.Tensor2D, grids, numbers, config);
        const seen = yield* encode(
          weights.at("visual"),
          config.vision,
          patches,
          grid,
          within(tap, { images: numbers }),
        );
        encoded.push({ images: numbers, shape: shapeOf(grid), grids: [seen] });
      }
      return encoded;
    },
    // The merger is part of the tower: features are token embeddings already.
    project: (features) => features as tf.Tensor3D,
  };
}

/** What each image of a batch becomes. @throws NuwaError as `gridsOf` does */
export function shapesOf(config: QwenConfig, images: ImageSizes): ImageShape[] {
  return gridsOf(images, config).map(shapeOf);
}

/** Cells of each image. @throws NuwaError when sizes are missing, or pixels are not the patches that they make */
function gridsOf({ pixels, sizes, origin = "pixel_values" }: ImageSizes, { vision }: QwenConfig): Grid[] {
  const { spatialMergeSize: merge, patchSize, temporalPatchSize } = vision;
  const fits = (size: readonly number[]) =>
    size.length === 3 && size[0] === 1 && size.slice(1).every((n) => Number.isInteger(n) && n > 0 && n % merge === 0);
  if (!sizes?.every(fits))
    throw new NuwaError(
      `${origin}: image_grid_thw must say [1, rows, columns] of the patches of each image, multiples of ${merge}. ` +
        "Preprocess it again.",
    );
  const patches = sizes.reduce((sum, [, rows, columns]) => sum + rows * columns, 0);
  const wanted = [patches, 3 * temporalPatchSize * patchSize ** 2];
  if (pixels.shape.join() !== wanted.join())
    throw new NuwaError(
      `${origin} has shape [${pixels.shape}], but image_grid_thw and config.json ask for [${wanted}].`,
    );
  return sizes.map(([, rows, columns]) => ({ rows: rows / merge, columns: columns / merge }));
}

/** The patches of some images of one grid, [I, P, 3·t·p·p]. */
function patchesOf(
  pixels: tf.Tensor2D,
  grids: readonly Grid[],
  images: readonly number[],
  { vision }: QwenConfig,
): tf.Tensor3D {
  const perCell = vision.spatialMergeSize ** 2;
  const counts = grids.map(({ rows, columns }) => rows * columns * perCell);
  const parts = images.map((image) => {
    const start = counts.slice(0, image).reduce((sum, count) => sum + count, 0);
    return pixels.slice([start, 0], [counts[image], -1]);
  });
  return tf.stack(parts) as tf.Tensor3D;
}
