import sharp from "sharp";
import type { Picture, Size } from "../../core/resample.ts";
import type { GridPicture } from "../../model/preprocessing.ts";
import { element } from "../svg.ts";

/** A picture to draw on. */
export interface Scene {
  /** For `defs`: the picture, once. */
  readonly definition: string;
  /** The picture, from its upper left corner. */
  readonly use: string;
  /** In units of the drawing. */
  readonly size: Size;
  /** What of it the cells lie on, from the upper left corner. */
  readonly inCells: Size;
}

/** A picture has at most so many pixels on its longer side: a panel of 296 units on a screen of four pixels a unit. */
const MOST_PIXELS = 1280;
/** A picture with fewer is enlarged by whole pixels, so that renderers do not blur it. */
const LEAST_PIXELS = 640;

/**
 * What a grid's cells lie on, from the picture's own pixels where they are given: cropped or padded as for the model,
 * but neither shrunk to what the model sees nor stretched.
 *
 * @param seen what the model sees
 * @param picture the whole picture; undefined: what the model sees is drawn
 * @param id unique in the document
 * @param most width and height of the drawn picture at most, in units of the drawing
 */
export async function sceneOf(seen: GridPicture, picture: Picture | undefined, id: string, most: Size): Promise<Scene> {
  const shown = picture ? await partOf(picture, seen) : seen;
  const scale = Math.min(most.width / shown.width, most.height / shown.height);
  const size = { width: shown.width * scale, height: shown.height * scale };
  const { width, height } = seen.inCells ?? seen;
  const png = await pngOf(shown);
  const definition = element("image", {
    ...{ id, ...size, preserveAspectRatio: "none" },
    href: `data:image/png;base64,${png.toString("base64")}`,
  });
  return {
    definition,
    use: element("use", { href: `#${id}` }),
    size,
    inCells: { width: (size.width * width) / seen.width, height: (size.height * height) / seen.height },
  };
}

/** What the processor leaves of a picture, and what it puts around it, in the picture's own pixels. */
async function partOf(picture: Picture, { part }: GridPicture): Promise<Picture> {
  if (!part) return picture;
  const [left, top] = [Math.max(0, Math.floor(part.left)), Math.max(0, Math.floor(part.top))];
  const right = Math.min(picture.width, Math.ceil(part.left + part.width));
  const bottom = Math.min(picture.height, Math.ceil(part.top + part.height));
  const [r, g, b] = part.ground ?? [0, 0, 0];
  const { data, info } = await sharp(picture.pixels, { raw: { ...sizeOf(picture), channels: 3 } })
    .extract({ left, top, width: right - left, height: bottom - top })
    .extend({
      left: left - Math.floor(part.left),
      top: top - Math.floor(part.top),
      right: Math.ceil(part.left + part.width) - right,
      bottom: Math.ceil(part.top + part.height) - bottom,
      background: { r, g, b },
    })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

async function pngOf(picture: Picture): Promise<Buffer> {
  const longer = Math.max(picture.width, picture.height);
  const drawn = sharp(picture.pixels, { raw: { ...sizeOf(picture), channels: 3 } });
  if (longer > MOST_PIXELS) drawn.resize(MOST_PIXELS, MOST_PIXELS, { fit: "inside" });
  const times = Math.ceil(LEAST_PIXELS / longer);
  if (times > 1) drawn.resize(picture.width * times, picture.height * times, { fit: "fill", kernel: "nearest" });
  return drawn.png().toBuffer();
}

function sizeOf({ width, height }: Size): Size {
  return { width, height };
}
