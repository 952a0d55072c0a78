import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";

/**
 * A node of the tree of weights. Paths are the canonical Hugging Face tensor names, so that
 * `weights.at("vision_tower.vision_model.encoder.layers", 3, "self_attn.q_proj")` is where a reader of
 * the checkpoint would look.
 */
export interface Weights {
  /** The subtree below this node. */
  at(...path: (string | number)[]): Weights;
  /** The tensor with this name below this node. @throws NuwaError when there is none */
  tensor(name: string): tf.Tensor;
  has(name: string): boolean;
}

/** The tree over a flat set of tensors. */
export function weightsTree(tensors: ReadonlyMap<string, tf.Tensor>, prefix = ""): Weights {
  return {
    at: (...path) => weightsTree(tensors, `${prefix}${path.join(".")}.`),
    has: (name) => tensors.has(prefix + name),
    tensor(name) {
      const found = tensors.get(prefix + name);
      if (!found) throw new NuwaError(`the model has no weight ${prefix}${name}.`);
      return found;
    },
  };
}
