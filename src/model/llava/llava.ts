import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { within } from "../../core/taps.ts";
import type { ImageShape } from "../image-shape.ts";
import { decoderWeights } from "../transformer/decoder-weights.ts";
import type { ImageSizes, Vlm } from "../vlm.ts";
import { type WeightSource, weightsTree } from "../weights.ts";
import type { LlavaConfig } from "./config.ts";
import { encode } from "./encode.ts";
import { project } from "./projector.ts";

/** A LLaVA-1.5 model. */
export type Llava = Vlm<LlavaConfig>;

/** A model that must be LLaVA-1.5's. @throws NuwaError when it is of another family */
export function requireLlava(model: Vlm): Llava {
  if (model.config.family !== "llava")
    throw new NuwaError(`the model is of the family ${model.config.family}, but a LLaVA-1.5 model is needed.`);
  return model as Llava;
}

/**
 * A LLaVA-1.5 model from its configuration and all its weights: CLIP tower, two-layer projector, Llama decoder.
 *
 * Source: Liu et al., "Improved Baselines with Visual Instruction Tuning", arXiv 2310.03744.
 *
 * @param tensors by canonical name, in the shapes of the checkpoint
 * @param source gives all weights where `tensors` holds only some of them
 */
export function createModel(
  config: LlavaConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  source: WeightSource = tensors,
): Llava {
  const weights = weightsTree(source);
  return {
    config,
    weights,
    tensors,
    tapLayers: { vision: config.vision.numHiddenLayers, llm: config.text.numHiddenLayers },
    decoder: decoderWeights(weights.at("language_model"), config.text),
    shapesOf: (images) => shapesOf(config, images),
    *encode(inputs, tap, merge) {
      const images = shapesOf(config, inputs).map((_, image) => image);
      const { pixels } = inputs;
      const batch = pixels.rank === 3 ? pixels.expandDims<tf.Tensor4D>(0) : (pixels as tf.Tensor4D);
      const grid = yield* encode({ config, weights }, batch, within(tap, { images }), merge);
      return [{ images, shape: config.imageShape, grids: [grid] }];
    },
    project: (features) => project({ config, weights }, features),
  };
}

/** One shape for each image. @throws NuwaError when there is none, or they have another size than the tower sees */
export function shapesOf(config: LlavaConfig, { pixels, origin = "pixel_values" }: ImageSizes): ImageShape[] {
  const wanted = [3, ...config.vision.imageSize];
  const [images, ...size] = pixels.shape.length === 3 ? [1, ...pixels.shape] : pixels.shape;
  if (images === 0) throw new NuwaError(`${origin} holds no image.`);
  if (size.join() !== wanted.join())
    throw new NuwaError(`${origin} has shape [${pixels.shape}], but config.json asks for [${wanted}] an image.`);
  return new Array<ImageShape>(images).fill(config.imageShape);
}
