import * as tf from "@tensorflow/tfjs";
import { activations } from "../transformer/activations.ts";
import { linear } from "../transformer/layers.ts";
import type { TowerSource } from "./tower.ts";

/**
 * The two-layer projector from vision features to token embeddings: [..., D] → [..., Hd].
 *
 * Source: Liu et al., "Improved Baselines with Visual Instruction Tuning", arXiv 2310.03744, section 3.
 */
export function project(model: TowerSource, x: tf.Tensor): tf.Tensor3D {
  const w = model.weights.at("multi_modal_projector");
  const activate = activations[model.config.projectorHiddenAct];
  return tf.tidy(() => linear(w.at("linear_2"), activate(linear(w.at("linear_1"), x)))) as tf.Tensor3D;
}
