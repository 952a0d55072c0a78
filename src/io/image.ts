import sharp from "sharp";
import { NuwaError } from "../core/errors.ts";
import type { Picture, Size } from "../core/resample.ts";
import type { Colour, PreparedImage, Preprocessing } from "../model/preprocessing.ts";
import { readBytes, reasonOf } from "./files.ts";
import { declaredSize } from "./svg.ts";

/** A photograph of 100 megapixels takes 300 MB decoded. */
const MAX_PIXELS = 100e6;
/** Of a drawing: what sharp renders. */
const MAX_SVG_SIDE = 32767;
const MAX_FILE_BYTES = 64 * 2 ** 20;

/**
 * Reads an image file and makes it what the vision tower was trained on.
 *
 * sharp decodes it (the first frame of an animation, EXIF orientation applied, 8-bit RGB, embedded colour
 * profiles ignored as Pillow ignores them) and lays transparent pixels on the background that the preprocessing
 * names. Against transformers: the same levels for opaque images of 8 bits in RGB, grey or a palette. It drops alpha,
 * whatever colour lies below (Pillow's `convert("RGB")`), and makes other levels of CMYK and of 16 bits.
 *
 * @throws NuwaError when the file is missing, too large, or not an image
 */
export async function preprocess(path: string, preprocessing: Preprocessing): Promise<PreparedImage> {
  const bytes = readBytes(path, MAX_FILE_BYTES);
  const size = await sizeOf(path, bytes);
  requirePixels(path, canvasOf(path, size, preprocessing), " when prepared for the model");
  return preprocessing.prepare(await decode(path, bytes, preprocessing.background));
}

function canvasOf(path: string, size: Size, preprocessing: Preprocessing): Size {
  try {
    return preprocessing.canvasOf(size);
  } catch (error) {
    if (error instanceof NuwaError) throw new NuwaError(`${path}: ${error.message}`);
    throw error;
  }
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

/** The whole image on an opaque ground. */
async function decode(path: string, bytes: Uint8Array, [r, g, b]: Colour): Promise<Picture> {
  const { data, info } = await asImage(path, () =>
    sharp(bytes, { autoOrient: true, ignoreIcc: true, limitInputPixels: MAX_PIXELS, failOn: "error" })
      // Before anything else, so that greyscale, 16-bit and CMYK images meet the same colours as others.
      .pipelineColourspace("srgb")
      .flatten({ background: { r, g, b } })
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
