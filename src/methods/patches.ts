import { NuwaError } from "../errors.ts";
import type { VisionOutput } from "../model/vision.ts";
import { patchCount } from "../pruning/grid.ts";

/**
 * Refuses models whose visual tokens are not the patches alone.
 *
 * @throws NuwaError naming the field
 */
export function requirePatches({ grid, features }: VisionOutput): void {
  if (features.shape[1] !== patchCount(grid))
    throw new NuwaError(
      'field "vision_feature_select_strategy": this method prunes patches, but "full" keeps the class token among them. Use method none, or one that prunes in the decoder only.',
    );
}

/** Values that were read out, for each image: rows of `total`. */
export function perImage(values: Float32Array, total: number): Float32Array[] {
  return Array.from({ length: values.length / total }, (_, image) =>
    values.subarray(image * total, (image + 1) * total),
  );
}
