import type * as tf from "@tensorflow/tfjs";
import type { PatchView } from "../method.ts";
import type { Stage1Constants } from "./constants.ts";
import type { NuwaSwitches } from "./variants.ts";

/**
 * **Salience** (paper, section 3.1, Eq. 3): what a patch is worth in separation and alignment.
 *
 * $$ S_p = \alpha_p \cdot \lVert k_p \rVert_2 $$
 *
 * α_p is the attention that the class token pays to patch p in the block that makes the features, summed over
 * heads and not renormalised without the class token's own column; k_p is the patch's key in that block, all
 * heads side by side.
 *
 * The paper says: S_p as printed. The released code does: α_p alone. Both are α·‖k‖^m, with m = 1 and m = 0;
 * `keyNormExponent` sets any other m.
 *
 * @returns [I, N], in raster order
 */
export function salienceOf(
  { clsAttention, keyNorms }: Pick<PatchView, "clsAttention" | "keyNorms">,
  { salience, keyNormExponent }: Pick<NuwaSwitches, "salience"> & Pick<Stage1Constants, "keyNormExponent">,
): tf.Tensor2D {
  const exponent = keyNormExponent ?? (salience === "cls-attention" ? 0 : 1);
  if (exponent === 0) return clsAttention;
  return clsAttention.mul(exponent === 1 ? keyNorms : keyNorms.pow(exponent));
}
