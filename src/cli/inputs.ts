import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { openSafetensors, readTensor, type SafetensorsFile, type TensorValues } from "../io/safetensors.ts";
import { familyNamed } from "../model/families.ts";
import type { PixelValues } from "../model/mirrored.ts";
import type { ImageInputs, VlmConfig } from "../model/vlm.ts";
import { splitPrompts } from "../pipeline/placeholders.ts";
import { requireVocabulary } from "../pipeline/prompts.ts";

/** Names of the tensor beside pixel_values. */
const SIZES = ["image_sizes", "image_grid_thw"];

/**
 * The images of `--inputs` as the model takes them, for errors with the file's name; the caller frees them.
 *
 * @param path of the file
 */
export function imagesOf(path: string, { pixels, sizes }: FileInputs): Partial<ImageInputs> {
  if (!pixels) return {};
  return { pixels: tf.tensor(pixels.values, [...pixels.shape]), sizes, origin: `${path}: pixel_values` };
}

/** What `--inputs` holds: one prompt, with its images or without. */
export interface FileInputs {
  /** Undefined for a prompt of text alone. */
  readonly pixels: PixelValues | undefined;
  /** `image_sizes` or `image_grid_thw`, a row for each image. */
  readonly sizes: readonly (readonly number[])[] | undefined;
  readonly ids: readonly number[];
}

/**
 * Reads `--inputs`.
 *
 * @throws NuwaError naming the tensor when one is missing, or has another type or shape
 */
export function readInputs(path: string): FileInputs {
  const file = openSafetensors(path);
  const pixels = file.entries.has("pixel_values") ? readTensor(file, "pixel_values") : undefined;
  const ids = readTensor(file, "input_ids");
  // transformers returns a batch of one prompt as [1, n], and the tiles of one image as [1, T, 3, S, S].
  const [prompts, ...others] = ids.shape.length === 1 ? [1, ...ids.shape] : ids.shape;
  if (!(ids.values instanceof Int32Array) || prompts !== 1 || others.length !== 1)
    throw new NuwaError(
      `${path}: input_ids must be integers of shape [n], one prompt; they are ${describeTensor(ids)}.`,
    );
  return { pixels: pixels && checkedPixels(path, pixels), sizes: readSizes(file), ids: [...ids.values] };
}

function checkedPixels(path: string, { shape, values }: TensorValues): PixelValues {
  if (!(values instanceof Float32Array)) throw new NuwaError(`${path}: pixel_values must be floats, not integers.`);
  if (!values.every(Number.isFinite)) throw new NuwaError(`${path}: pixel_values holds NaN or infinite values.`);
  return { shape: shape.length === 5 && shape[0] === 1 ? shape.slice(1) : shape, values };
}

/** "floats of shape [1, 3]" */
function describeTensor({ shape, values }: TensorValues): string {
  return `${values instanceof Int32Array ? "integers" : "floats"} of shape [${shape}]`;
}

/** What a family's preprocessing says of each image besides its pixels. */
function readSizes(file: SafetensorsFile): number[][] | undefined {
  const [name, other] = SIZES.filter((one) => file.entries.has(one));
  if (name === undefined) return undefined;
  if (other !== undefined)
    throw new NuwaError(
      `${file.path}: holds ${name} and ${other}, but a model takes one of them. Leave the other out.`,
    );
  const tensor = readTensor(file, name);
  const { shape, values } = tensor;
  if (!(values instanceof Int32Array) || shape.length !== 2)
    throw new NuwaError(
      `${file.path}: ${name} must be integers, a row for each image; it is ${describeTensor(tensor)}.`,
    );
  const [images, width] = shape;
  return Array.from({ length: images }, (_, image) => [...values.subarray(image * width, (image + 1) * width)]);
}

/**
 * What the ids and the images say, before a weight is read.
 *
 * @throws NuwaError when they do not fit the model
 */
export function checkIds(path: string, { ids, pixels, sizes }: FileInputs, config: VlmConfig): void {
  const what = `${path}: input_ids`;
  const text = ids.filter((id) => id !== config.imageTokenId);
  requireVocabulary(what, text, config);
  if (text.length === 0) throw new NuwaError(`${what}: holds no text tokens.`);
  if (!pixels && text.length < ids.length)
    throw new NuwaError(`${what}: holds ${ids.length - text.length} image tokens, but the file has no pixel_values.`);
  if (pixels && text.length === ids.length)
    throw new NuwaError(`${what}: holds no image token (id ${config.imageTokenId}) for the image of pixel_values.`);
  if (!pixels) return;
  const shapes = familyNamed(config.family).shapesOf(config, { pixels, sizes, origin: `${path}: pixel_values` });
  splitPrompts([ids], config, shapes, undefined, what);
}
