import { opposite, type PixelValues, reversedLines } from "../mirrored.ts";
import type { LlavaNextConfig } from "./config.ts";
import { tilingOf } from "./shape.ts";

/**
 * An image with its left and right exchanged: each tile by itself, and the tiles of a row behind the base tile in the
 * opposite order.
 *
 * @param pixels [T, 3, S, S]
 * @param size [height, width] of the picture
 */
export function mirrored(config: LlavaNextConfig, pixels: PixelValues, [height, width]: readonly number[]) {
  const { columns } = tilingOf({ width, height }, config).tiles;
  const [tiles] = pixels.shape;
  const flipped = reversedLines(pixels);
  const area = flipped.length / tiles;
  const values = flipped.slice();
  for (let tile = 1; tile < tiles; tile++) {
    const from = 1 + opposite(tile - 1, columns);
    values.set(flipped.subarray(from * area, (from + 1) * area), tile * area);
  }
  return values;
}
