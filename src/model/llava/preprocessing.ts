import { type Box, FRACTIONS } from "../../core/boxes.ts";
import { type Colour, type Picture, type Rectangle, resizeBicubic, type Size } from "../../core/resample.ts";
import type { Preprocessing } from "../preprocessing.ts";
import { normalisation } from "../processor-fields.ts";

/** What CLIP's, SigLIP's and LLaVA's image processors can differ in. */
export interface LlavaPreprocessingOptions {
  /** [height, width] of what the tower sees, in pixels. */
  readonly imageSize: readonly [number, number];
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /**
   * `crop`: cover and crop the centre. `pad`: fill up to the proportions of the model. `stretch`: scale each side by
   * itself.
   */
  readonly aspect: "crop" | "pad" | "stretch";
  /** Side of a patch in pixels; given, pictures say which of their pixels fill patches. */
  readonly patchSize?: number;
}

/** LLaVA-1.5's preprocessing with its options. */
export type LlavaPreprocessing = Preprocessing & LlavaPreprocessingOptions;

/**
 * A picture is scaled as Pillow scales ({@link resizeBicubic}) in one of three ways:
 *
 * - `crop` (CLIP): the smallest size that covers the target, and the centre of that. For a square
 *   target S: shortest edge S, other edge ⌊S·long/short⌋, cropped at ⌊(x−S)/2⌋.
 * - `pad` (LLaVA-1.5): laid on a canvas of the target's proportions and the mean colour, offset
 *   ⌊(long−short)/2⌋, and that scaled to the target; nothing is lost.
 * - `stretch` (SigLIP): straight to the target, whatever its proportions; nothing is lost.
 *
 * Then value/255, minus mean, divided by std, as transformers' image processors do.
 */
export function llavaPreprocessing(options: LlavaPreprocessingOptions): LlavaPreprocessing {
  const { aspect, mean } = options;
  const [height, width] = options.imageSize;
  const target = { width, height };
  const pads = aspect === "pad";
  const colour = paddingColour(mean);
  const ways = {
    crop: "scaled to cover, its centre cropped, to",
    pad: `padded with (${colour}) and scaled to`,
    stretch: "stretched to",
  };
  return {
    ...options,
    summary: `${ways[aspect]} ${height}×${width}, bicubic; ${normalisation(mean, options.std)}`,
    side: Math.max(width, height),
    canvasOf: () => target,
    prepare(picture) {
      const canvas = paddedSize(picture, target);
      const ground = pads ? { canvas, ...centred(picture, canvas), colour } : undefined;
      const scaled = aspect === "crop" ? coveringSize(picture, target) : target;
      const seen = resizeBicubic(picture, scaled, centred(target, scaled), ground);
      const pixelValues = { shape: [3, height, width], values: normalise(seen, options) };
      const part =
        aspect === "crop"
          ? inOwnPixels(centred(target, scaled), scaled, picture)
          : ground && { left: -ground.left, top: -ground.top, ...canvas, ground: colour };
      const drawn = { ...seen, cellName: "patches", inCells: pixelsInPatches(target, options.patchSize), part };
      return { pictures: [drawn], pixelValues, boxUnit: FRACTIONS };
    },
    boxUnitOf: () => FRACTIONS,
    boxInPicture(box, size): Box {
      if (!pads) return box;
      const canvas = paddedSize(size, target);
      const { left, top } = centred(size, canvas);
      const across = (x: number) => (x * canvas.width - left) / size.width;
      const down = (y: number) => (y * canvas.height - top) / size.height;
      return [across(box[0]), down(box[1]), across(box[2]), down(box[3])];
    },
  };
}

/** A part of a scaled picture, in pixels of the picture itself. */
function inOwnPixels(part: Rectangle, scaled: Size, { width, height }: Size): Rectangle {
  const [across, down] = [width / scaled.width, height / scaled.height];
  return { left: part.left * across, top: part.top * down, width: part.width * across, height: part.height * down };
}

/** What of a picture fills whole patches, from the top left; a tower's convolution leaves out the rest. */
export function pixelsInPatches({ width, height }: Size, patchSize = 1): Size {
  return { width: width - (width % patchSize), height: height - (height % patchSize) };
}

/** The smallest canvas with the target's proportions that holds the image unscaled. */
function paddedSize({ width, height }: Size, target: Size): Size {
  return width * target.height >= height * target.width
    ? { width, height: Math.round((width * target.height) / target.width) }
    : { width: Math.round((height * target.width) / target.height), height };
}

/** The smallest size with the image's proportions that covers the target. */
function coveringSize({ width, height }: Size, target: Size): Size {
  return width * target.height >= height * target.width
    ? { width: Math.floor((target.height * width) / height), height: target.height }
    : { width: target.width, height: Math.floor((target.width * height) / width) };
}

/** The rectangle in the middle of a larger one; an odd pixel goes to the right and below. */
export function centred({ width, height }: Size, outer: Size): Rectangle {
  return { left: Math.floor((outer.width - width) / 2), top: Math.floor((outer.height - height) / 2), width, height };
}

/** The mean colour without its fractions, (122, 116, 104) for CLIP's mean. */
function paddingColour(mean: LlavaPreprocessingOptions["mean"]): Colour {
  return [Math.trunc(mean[0] * 255), Math.trunc(mean[1] * 255), Math.trunc(mean[2] * 255)];
}

/** [height, width, 3] levels → [3, height, width] normalised. */
export function normalise(
  { pixels }: Picture,
  { mean, std }: Pick<LlavaPreprocessingOptions, "mean" | "std">,
): Float32Array {
  const area = pixels.length / 3;
  const values = new Float32Array(pixels.length);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < area; i++)
      values[channel * area + i] = (pixels[i * 3 + channel] / 255 - mean[channel]) / std[channel];
  return values;
}
