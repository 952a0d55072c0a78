import * as tf from "@tensorflow/tfjs";
import { activations } from "../transformer/activations.ts";
import { linear, rmsNorm } from "../transformer/layers.ts";
import type { Weights } from "../weights.ts";

/** RMSNorms of the tower and the merger; fixed in the architecture. */
export const VISION_EPS = 1e-6;

/**
 * The merger: the patches of a cell become one token of the decoder's width.
 *
 * @param x [I, P, D], the patches of a cell one after the other
 * @param perCell patches of a cell
 * @returns [I, P / perCell, Hd]
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py
 *   (`Qwen2_5_VLPatchMerger`)
 */
export function merge(w: Weights, x: tf.Tensor3D, perCell: number): tf.Tensor3D {
  const [images, patches, width] = x.shape;
  return tf.tidy(() => {
    const normed = rmsNorm(w.at("ln_q"), x, VISION_EPS);
    const cells = normed.reshape<tf.Tensor3D>([images, patches / perCell, perCell * width]); // [I, N, 4D]
    return linear(w.at("mlp.2"), activations.gelu(linear(w.at("mlp.0"), cells)) as tf.Tensor3D);
  });
}
