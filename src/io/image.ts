import { gunzipSync } from "node:zlib";
import sharp from "sharp";
import { NuwaError } from "../core/errors.ts";
import type { Picture, Size } from "../core/resample.ts";
import type { PreparedImage, Preprocessing } from "../model/preprocessing.ts";
import { drawSvg } from "./drawing.ts";
import { readBytes, reasonOf } from "./files.ts";
import { firstFrame, placed } from "./gif.ts";
import { rgbLevels } from "./levels.ts";
import { type PictureFormat, pictureFormat } from "./picture-formats.ts";
import { declaredSize } from "./svg.ts";
import { firstOfTiff } from "./tiff.ts";

/** A photograph of 100 megapixels takes 300 MB decoded. */
const MAX_PIXELS = 100e6;
/** So that tables along a side stay small. */
const MAX_SIDE = 1e6;
/** Of a drawing: what sharp renders. */
const MAX_SVG_SIDE = 32767;
const DRAWING_LIMITS = { pixels: MAX_PIXELS, seconds: 5, megabytes: 2048 };
const MAX_FILE_BYTES = 64 * 2 ** 20;

/**
 * Reads an image file and makes it what the vision tower was trained on.
 *
 * The levels are those that transformers' processors get from Pillow (`convert("RGB")` of the first frame, upright as
 * EXIF says): alpha is dropped and the colour below it shows, colour profiles are ignored, see {@link rgbLevels}. SVG,
 * which Pillow does not read, is drawn on white. docs/harness.md lists what differs.
 *
 * @throws NuwaError when the file is missing, too large, or not an image
 */
export async function preprocess(path: string, preprocessing: Preprocessing): Promise<PreparedImage> {
  return preprocessing.prepare(await readPicture(path, preprocessing));
}

/**
 * Reads an image file as {@link preprocess} does, to be prepared and drawn.
 *
 * @throws NuwaError when the file is missing, too large, also when prepared for the model, or not an image
 */
export async function readPicture(path: string, preprocessing: Preprocessing): Promise<Picture> {
  const bytes = readBytes(path, MAX_FILE_BYTES);
  const format = formatOf(path, bytes);
  const fits = (size: Size) => {
    requirePixels(path, size);
    requirePixels(path, canvasOf(path, size, preprocessing), " when prepared for the model");
  };
  return format === "svg" ? drawn(path, bytes, fits) : decoded(path, bytes, format, fits);
}

function formatOf(path: string, bytes: Uint8Array): PictureFormat {
  const format = pictureFormat(bytes);
  if (format && "read" in format) return format.read;
  if (format)
    throw new NuwaError(
      `${path}: is in the format ${format.notRead}, which is not read. Convert it to PNG, for example with ` +
        'ImageMagick ("magick FILE picture.png").',
    );
  throw unreadable(path, bytes.length === 0 ? "it is empty" : "of no known format");
}

function canvasOf(path: string, size: Size, preprocessing: Preprocessing): Size {
  try {
    return preprocessing.canvasOf(size);
  } catch (error) {
    if (error instanceof NuwaError) throw new NuwaError(`${path}: ${error.message}`);
    throw error;
  }
}

function requirePixels(path: string, { width, height }: Size, when = ""): void {
  const limit =
    width * height > MAX_PIXELS
      ? `${MAX_PIXELS / 1e6} megapixels`
      : Math.max(width, height) > MAX_SIDE
        ? `${MAX_SIDE} on a side`
        : undefined;
  if (limit !== undefined)
    throw new NuwaError(
      `${path}: ${width} × ${height} pixels${when}, more than the ${limit} allowed. Make it smaller.`,
    );
}

/** The first frame of a file of pixels. `fits` is asked before they are decoded. */
async function decoded(
  path: string,
  file: Uint8Array,
  format: Exclude<PictureFormat, "svg">,
  fits: (size: Size) => void,
): Promise<Picture> {
  const gif = format === "gif" ? await asImage(path, () => firstFrame(file)) : undefined;
  const bytes = gif?.bytes ?? (format === "tiff" ? await asImage(path, () => firstOfTiff(file)) : file);
  // sharp's own limit is off: it would not say which file, nor what to do.
  const { space, depth, autoOrient } = await asImage(path, () => sharp(bytes, { limitInputPixels: false }).metadata());
  fits(gif?.size ?? autoOrient);
  return await asImage(path, async () => {
    const { data, info } = await sharp(bytes, {
      autoOrient: true,
      ignoreIcc: true,
      limitInputPixels: MAX_PIXELS,
      failOn: "error",
    })
      // As the file has them: sharp's own conversions differ from Pillow's.
      .pipelineColourspace(space)
      .toColourspace(space)
      .raw({ depth })
      .toBuffer({ resolveWithObject: true });
    const greyAlpha = format !== "png" || bytes[PNG_COLOUR_TYPE] === PNG_GREY_ALPHA;
    const pixels = rgbLevels({ data, channels: info.channels, space, depth, greyAlpha });
    const picture = { width: info.width, height: info.height, pixels };
    return gif ? placed(picture, gif) : picture;
  });
}

/** Where a PNG says which channels it holds (W3C PNG, section 11.2.1), and the value for grey with alpha. */
const PNG_COLOUR_TYPE = 25;
const PNG_GREY_ALPHA = 4;

async function drawn(path: string, file: Uint8Array, fits: (size: Size) => void): Promise<Picture> {
  const bytes = await asImage(path, () =>
    file[0] === GZIP
      ? gunzipSync(file, { maxOutputLength: MAX_FILE_BYTES })
      : Buffer.from(file.buffer, file.byteOffset, file.byteLength),
  );
  const declared = await asImage(path, () => declaredSize(bytes.toString("utf8")));
  if (declared && Math.max(declared.width, declared.height) > MAX_SVG_SIDE)
    throw new NuwaError(
      `${path}: declares ${Math.round(declared.width)} × ${Math.round(declared.height)} pixels, more than the ` +
        `${MAX_SVG_SIDE} that an SVG may have on a side. Make it smaller.`,
    );
  const { width, height, pixels } = await asImage(path, () => drawSvg(bytes, DRAWING_LIMITS));
  fits({ width, height });
  return { width, height, pixels: pixels as Uint8Array };
}

/** The first byte of a compressed SVG. */
const GZIP = 0x1f;

async function asImage<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unreadable(path, reasonOf(error));
  }
}

function unreadable(path: string, reason: string): NuwaError {
  return new NuwaError(
    `${path}: cannot be read as an image (${reason}). Give a whole JPEG, PNG, WebP, GIF, AVIF, TIFF or SVG file.`,
  );
}
