import type { Size } from "../../core/resample.ts";

/** Rows and columns of tiles that a picture is cut into, besides the one of the whole picture. */
export interface TileGrid {
  readonly rows: number;
  readonly columns: number;
}

/**
 * The resolution that a picture is scaled to ("any resolution", LLaVA-NeXT): of those on the list the one that keeps
 * most of the picture's pixels, among equals the one that wastes least, among equals the first.
 *
 * @param pinpoints `image_grid_pinpoints`, [height, width] in pixels, in the order of the file
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/image_processing_utils.py
 *   (`select_best_resolution`)
 */
export function bestResolution({ width, height }: Size, pinpoints: readonly (readonly [number, number])[]): Size {
  let best: Size = { width: 0, height: 0 };
  let [most, least] = [-1, Number.POSITIVE_INFINITY];
  for (const [tall, wide] of pinpoints) {
    const scale = Math.min(wide / width, tall / height);
    const effective = Math.min(Math.trunc(width * scale) * Math.trunc(height * scale), width * height);
    const waste = tall * wide - effective;
    if (effective > most || (effective === most && waste < least)) {
      best = { width: wide, height: tall };
      [most, least] = [effective, waste];
    }
  }
  return best;
}

/** Where a picture lies in its resolution: scaled to fit, in the middle, black around it. */
export function scaledInto({ width, height }: Size, resolution: Size): Size {
  const [across, down] = [resolution.width / width, resolution.height / height];
  return across < down
    ? { width: resolution.width, height: Math.min(Math.ceil(height * across), resolution.height) }
    : { width: Math.min(Math.ceil(width * down), resolution.width), height: resolution.height };
}

/** How much of the stitched grid of all tiles shows the picture and not its padding. */
export interface Unpadded {
  /** Rows cut off above and below, each. */
  readonly top: number;
  /** Columns cut off to the left and to the right, each. */
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The part of the stitched cells that shows the picture. As many are cut off on both sides, rounded down, so that one
 * more may stay than the picture has.
 *
 * @param grid the cells of all tiles
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/llava_next/modeling_llava_next.py
 *   (`unpad_image`)
 */
export function unpadded({ width, height }: Size, { rows, columns }: TileGrid): Unpadded {
  if (width / height > columns / rows) {
    const top = Math.floor((rows - rounded(height * (columns / width))) / 2);
    return { top, left: 0, rows: rows - 2 * top, columns };
  }
  const left = Math.floor((columns - rounded(width * (rows / height))) / 2);
  return { top: 0, left, rows, columns: columns - 2 * left };
}

/** Python's `int(round(x, 7))`: what is a rounding error below a whole number is that number. */
function rounded(x: number): number {
  return Math.trunc(Math.round(x * 1e7) / 1e7);
}
