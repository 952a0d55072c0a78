import * as tf from "@tensorflow/tfjs";
import { dot } from "../core/dot.ts";
import { NuwaError } from "../core/errors.ts";
import { patchCount } from "../core/grid.ts";
import { best } from "../core/ranking.ts";
import { normalizeRows } from "../model/transformer/layers.ts";
import type { EncodedGrid } from "../model/vlm.ts";
import type { PatchView } from "./method.ts";

/** What several methods need when they choose patches. */

/**
 * Refuses models whose visual tokens are not the patches alone.
 *
 * @param method its name
 * @throws NuwaError naming the method and the field
 */
export function requirePatches(method: string, { grid, features }: EncodedGrid): void {
  if (features.shape[1] !== patchCount(grid))
    throw new NuwaError(
      `method ${method}: chooses among patches, but config.json keeps the class token among them (field ` +
        '"vision_feature_select_strategy": "full", in original LLaVA "mm_vision_select_feature": "cls_patch"). ' +
        "Use method none, or one that prunes in the decoder only, or an average of all.",
    );
}

/** Values that were read out, for each image: `size` numbers each. */
export function perImage(values: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: values.length / size }, (_, image) => values.subarray(image * size, (image + 1) * size));
}

/** Cosines of all pairs of patches: [I, N, D] → [I, N, N]. */
export function allCosines(features: tf.Tensor3D): tf.Tensor3D {
  const unit = normalizeRows(features) as tf.Tensor3D;
  return tf.matMul(unit, unit, false, true);
}

/** Keys of the patches in a block, mean over heads: [I, N, d]. */
export function meanKeys(seen: PatchView, block: number): tf.Tensor3D {
  const { keys } = seen.block(block); // [I, N, D]
  const [images, patches, width] = keys.shape;
  return keys.reshape([images, patches, seen.heads, width / seen.heads]).mean(2);
}

/**
 * Vectors of unit length.
 *
 * @param values [count][width], row-major, as read out
 */
export function unitVectors(values: Float32Array, count: number): Float64Array[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, i) => {
    const vector = Float64Array.from(values.subarray(i * width, (i + 1) * width));
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return length > 0 ? vector.map((value) => value / length) : vector;
  });
}

/** The `count` of some vectors that are most like one of them by cosine, best first; ties: the lower index. */
export function nearestByCosine(
  units: readonly Float64Array[],
  of: number,
  among: readonly number[],
  count: number,
): number[] {
  const cosines: number[] = [];
  for (const other of among) cosines[other] = dot(units[of], units[other]);
  return best(among, cosines, count);
}
