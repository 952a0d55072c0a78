import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import type { ImageShape } from "../image-shape.ts";
import { project } from "../llava/projector.ts";
import { decoderWeights } from "../transformer/decoder-weights.ts";
import type { ImageSizes, Vlm } from "../vlm.ts";
import { type WeightSource, weightsTree } from "../weights.ts";
import type { LlavaNextConfig } from "./config.ts";
import { encode } from "./encode.ts";
import { type Tiling, tilingOf } from "./shape.ts";

/**
 * A LLaVA-NeXT model (LLaVA-1.6) from its configuration and all its weights.
 *
 * Source: Liu et al., "LLaVA-NeXT: Improved reasoning, OCR, and world knowledge", 2024,
 * https://llava-vl.github.io/blog/2024-01-30-llava-next/
 *
 * @param tensors by canonical name, in the shapes of the checkpoint
 * @param source gives all weights where `tensors` holds only some of them
 */
export function createModel(
  config: LlavaNextConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  source: WeightSource = tensors,
): Vlm<LlavaNextConfig> {
  const weights = weightsTree(source);
  return {
    config,
    weights,
    tensors,
    tapLayers: { vision: config.vision.numHiddenLayers, llm: config.text.numHiddenLayers },
    decoder: decoderWeights(weights.at("language_model"), config.text),
    separator: weights.tensor("image_newline"),
    shapesOf: (images) => shapesOf(config, images),
    *encode(images, tap) {
      const tilings = tilingsOf(images, config);
      return yield* encode({ config, weights }, images.pixels as tf.Tensor4D, tilings, tap);
    },
    project: (features) => project({ config, weights }, features),
  };
}

/** What each image of a batch becomes. @throws NuwaError as `tilingsOf` does */
export function shapesOf(config: LlavaNextConfig, images: ImageSizes): ImageShape[] {
  return tilingsOf(images, config).map(({ shape }) => shape);
}

/** The tilings of a batch. @throws NuwaError when sizes are missing, or pixels are not the tiles that they make */
function tilingsOf({ pixels, sizes, origin = "pixel_values" }: ImageSizes, config: LlavaNextConfig): Tiling[] {
  if (!sizes || sizes.some((size) => size.length !== 2 || !size.every((n) => Number.isInteger(n) && n > 0)))
    throw new NuwaError(
      `${origin}: image_sizes must say [height, width] of each image in pixels. Preprocess it again.`,
    );
  const tilings = sizes.map(([height, width]) => tilingOf({ width, height }, config));
  const tiles = tilings.reduce((sum, { tiles: { rows, columns } }) => sum + 1 + rows * columns, 0);
  const wanted = [tiles, 3, ...config.vision.imageSize];
  if (pixels.shape.join() !== wanted.join())
    throw new NuwaError(`${origin} has shape [${pixels.shape}], but image_sizes and config.json ask for [${wanted}].`);
  return tilings;
}
