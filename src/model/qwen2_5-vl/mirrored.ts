import { opposite, type PixelValues, reversedLines } from "../mirrored.ts";
import type { QwenConfig } from "./config.ts";

/**
 * An image with its left and right exchanged: the cells of a row, the patches of a cell's row and the pixels of a
 * patch's line each in the opposite order.
 *
 * @param pixels [P, 3·t·p·p], as the preprocessing packs them
 * @param size [1, rows, columns] of patches
 */
export function mirrored({ vision }: QwenConfig, pixels: PixelValues, [, , columns]: readonly number[]): Float32Array {
  const { spatialMergeSize: merge, patchSize } = vision;
  const [patches, length] = pixels.shape;
  const perCell = merge ** 2;
  const lines = reversedLines({ shape: [patches, length / patchSize, patchSize], values: pixels.values });
  const values = new Float32Array(lines.length);
  for (let patch = 0; patch < patches; patch++) {
    const [cell, inCell] = [Math.floor(patch / perCell), patch % perCell];
    const from = opposite(cell, columns / merge) * perCell + opposite(inCell, merge);
    values.set(lines.subarray(from * length, (from + 1) * length), patch * length);
  }
  return values;
}
