import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import type { Readback } from "../core/readback.ts";
import type { Turn } from "../core/turns.ts";

/**
 * Where the weights of a model come from, by canonical name. A map of tensors holds all of them; others may read a
 * layer when it is needed, and then a tensor lasts until the next layer is asked for.
 */
export interface WeightSource {
  has(name: string): boolean;
  get(name: string): tf.Tensor | undefined;
  /** Rows of a table [rows, columns] that is not held whole: [k, columns]; undefined where it is. */
  rows?(name: string, indices: readonly number[]): tf.Tensor2D | undefined;
  /** To be waited for before weights whose names begin so are used; undefined where there is nothing to wait for. */
  turn?(prefix: string): Turn | undefined;
}

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
  /** Rows of the table with this name, a differentiable gather: [k, columns]. @throws NuwaError when there is none */
  rows(name: string, indices: readonly number[]): tf.Tensor2D;
  has(name: string): boolean;
  /** See {@link inTurn}. */
  turn(): Turn | undefined;
}

/**
 * Where weights below a node are read when they are needed, and several passes are under way at once: waits until all
 * of them need these or others that are read later, so that they are read once for all.
 */
export function* inTurn(w: Weights): Readback<void> {
  const turn = w.turn();
  if (turn) yield turn;
}

/** The tree over a flat set of tensors. */
export function weightsTree(source: WeightSource, prefix = ""): Weights {
  return {
    at: (...path) => weightsTree(source, `${prefix}${path.join(".")}.`),
    has: (name) => source.has(prefix + name),
    turn: () => source.turn?.(prefix),
    tensor,
    rows(name, indices) {
      const read = source.rows?.(prefix + name, indices);
      return read ?? (tf.gather(tensor(name), tf.tensor1d([...indices], "int32")) as tf.Tensor2D);
    },
  };
  function tensor(name: string): tf.Tensor {
    const found = source.get(prefix + name);
    if (!found) throw new NuwaError(`the model has no weight ${prefix}${name}.`);
    return found;
  }
}
