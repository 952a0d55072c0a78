import sharp from "sharp";
import { NuwaError } from "../core/errors.ts";
import { type Picture, type Rectangle, resizeBicubic } from "../core/resample.ts";
import type { PreparedImage, Preprocessing } from "../pipeline/processor.ts";
import { readBytes, reasonOf } from "./files.ts";
import { declaredSize } from "./svg.ts";

/** A photograph of 100 megapixels takes 300 MB decoded. */
const MAX_PIXELS = 100e6;
/** Of a drawing: what sharp renders. */
const MAX_SVG_SIDE = 32767;
const MAX_FILE_BYTES = 64 * 2 ** 20;
const WHITE: Colour = [255, 255, 255];

type Colour = readonly [number, number, number];
/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Reads an image file and makes it what the vision tower was trained on.
 *
 * sharp decodes it (the first frame of an animation, EXIF orientation applied, 8-bit RGB, embedded colour
 * profiles ignored as Pillow ignores them) and lays transparent pixels on white, or on the padding
 * colour. It is then scaled as Pillow scales ({@link resizeBicubic}) in one of two ways:
 *
 * - `crop` (CLIP): the smallest size that covers the target, and the centre of that. For a square
 *   target S: shortest edge S, other edge ⌊S·long/short⌋, cut off at ⌊(x−S)/2⌋.
 * - `pad` (LLaVA-1.5): first padded to the target's proportions with the mean colour, offset
 *   ⌊(long−short)/2⌋, then scaled to the target; nothing is lost.
 *
 * Then value/255, minus mean, divided by std. Against transformers' CLIPImageProcessor: the same levels
 * for opaque images; where alpha is partial, sharp rounds down and Pillow to the nearest, at most 2
 * levels in 256.
 *
 * @throws NuwaError when the file is missing, too large, or not an image
 */
export async function preprocess(path: string, spec: Preprocessing): Promise<PreparedImage> {
  const [height, width] = spec.imageSize;
  const target = { width, height };
  const bytes = readBytes(path, MAX_FILE_BYTES);
  const size = await sizeOf(path, bytes);
  const canvas = spec.aspect === "pad" ? paddedSize(size, target) : size;
  requirePixels(path, canvas, canvas === size ? "" : " when padded");
  const colour = spec.aspect === "pad" ? paddingColour(spec) : WHITE;
  const source = await decode(path, bytes, colour, centred(size, canvas));
  const scaled = spec.aspect === "pad" ? target : coveringSize(size, target);
  const picture = resizeBicubic(source, scaled, centred(target, scaled));
  return { picture, pixelValues: { shape: [3, height, width], values: normalise(picture, spec) } };
}

/** The size of an image, upright, from its header. */
async function sizeOf(path: string, bytes: Uint8Array): Promise<Size> {
  const declared = declaredSize(bytes);
  if (declared && Math.max(declared.width, declared.height) > MAX_SVG_SIDE)
    throw new NuwaError(
      `${path}: declares ${Math.round(declared.width)} × ${Math.round(declared.height)} pixels, more than the ` +
        `${MAX_SVG_SIDE} that an SVG may have on a side. Make it smaller.`,
    );
  // sharp's own limit is off: it would not say which file, nor what to do.
  const { autoOrient } = await asImage(path, () => sharp(bytes, { limitInputPixels: false }).metadata());
  requirePixels(path, autoOrient);
  return autoOrient;
}

function requirePixels(path: string, { width, height }: Size, when = ""): void {
  if (width * height > MAX_PIXELS)
    throw new NuwaError(
      `${path}: ${width} × ${height} pixels${when}, more than the ${MAX_PIXELS / 1e6} megapixels allowed. Make it ` +
        "smaller.",
    );
}

/** The whole image on an opaque ground of `colour`, at `place` in a canvas that may be larger. */
async function decode(path: string, bytes: Uint8Array, [r, g, b]: Colour, place: Placed): Promise<Picture> {
  const background = { r, g, b };
  const { data, info } = await asImage(path, () =>
    sharp(bytes, { autoOrient: true, ignoreIcc: true, limitInputPixels: MAX_PIXELS, failOn: "error" })
      // Before anything else, so that greyscale, 16-bit and CMYK images meet the same colours as others.
      .pipelineColourspace("srgb")
      .flatten({ background })
      .extend({ left: place.left, right: place.right, top: place.top, bottom: place.bottom, background })
      .raw()
      .toBuffer({ resolveWithObject: true }),
  );
  return { width: info.width, height: info.height, pixels: data };
}

async function asImage<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new NuwaError(
      `${path}: cannot be read as an image (${reasonOf(error)}). Give a whole JPEG, PNG, WebP, GIF, AVIF, TIFF or ` +
        "SVG file.",
    );
  }
}

/** The smallest canvas with the target's proportions that holds the image unscaled. */
export function paddedSize({ width, height }: Size, target: Size): Size {
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

/** Where a rectangle lies in a larger one, with the margins to its right and below. */
export type Placed = Rectangle & { readonly right: number; readonly bottom: number };

/** Where a rectangle lies in the middle of a larger one; an odd pixel goes to the right and below. */
export function centred(inner: Size, outer: Size): Placed {
  const left = Math.floor((outer.width - inner.width) / 2);
  const top = Math.floor((outer.height - inner.height) / 2);
  const right = outer.width - inner.width - left;
  const bottom = outer.height - inner.height - top;
  return { left, top, right, bottom, width: inner.width, height: inner.height };
}

/** The mean colour cut to whole numbers, (122, 116, 104) for CLIP's mean. */
function paddingColour({ mean }: Preprocessing): Colour {
  return [Math.trunc(mean[0] * 255), Math.trunc(mean[1] * 255), Math.trunc(mean[2] * 255)];
}

/** [height, width, 3] levels → [3, height, width] normalised. */
function normalise({ pixels }: Picture, { mean, std }: Preprocessing): Float32Array {
  const area = pixels.length / 3;
  const values = new Float32Array(pixels.length);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < area; i++)
      values[channel * area + i] = (pixels[i * 3 + channel] / 255 - mean[channel]) / std[channel];
  return values;
}
