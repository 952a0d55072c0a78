import sharp from "sharp";
import { readBytes, reasonOf } from "./files.ts";
import { MAX_FILE_BYTES, MAX_PIXELS, unreadable } from "./image.ts";
import { pictureFormat } from "./picture-formats.ts";

/** What a picture says about itself, and its pixels at a small size. */
export interface Thumbnail {
  /** The XMP packet: XML that programs write into a picture about it. */
  readonly xmp: string;
  /** RGB bytes of the whole picture, scaled to a square: [side, side, 3]. */
  readonly pixels: () => Promise<Uint8Array>;
}

/** The formats that are looked into: those that can be decoded in this process. */
const FORMATS: readonly string[] = ["png", "jpeg", "webp"];

/**
 * The XMP packet of a PNG, JPEG or WebP file, and its pixels where they are asked for.
 *
 * @param side width and height of the thumbnail in pixels
 * @returns undefined where a file has no packet, or is in another format
 * @throws NuwaError when the file is missing, too large, or not an image
 */
export async function thumbnailOf(path: string, side: number): Promise<Thumbnail | undefined> {
  const bytes = readBytes(path, MAX_FILE_BYTES);
  const format = pictureFormat(bytes);
  if (!format || !("read" in format) || !FORMATS.includes(format.read)) return undefined;
  const readable = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw unreadable(path, reasonOf(error));
    }
  };
  const picture = sharp(bytes, { limitInputPixels: MAX_PIXELS });
  const { xmpAsString: xmp } = await readable(() => picture.metadata());
  if (xmp === undefined) return undefined;
  const pixels = () =>
    readable(() =>
      picture.clone().resize(side, side, { fit: "fill" }).toColourspace("srgb").removeAlpha().raw().toBuffer(),
    );
  return { xmp, pixels };
}
