import * as tf from "@tensorflow/tfjs";
import { type AdamWOptions, adamW, flatten, type TrainState, unpack } from "./optimizer.ts";

/** What {@link trainStep} returns; the caller frees it, and the old state. */
export interface StepResult {
  readonly state: TrainState;
  readonly loss: tf.Scalar;
  readonly gradientNorm: tf.Scalar;
}

/**
 * One step: loss, gradient, update. Reads nothing from the backend.
 *
 * @param loss from the trained tensors, by name, to the number to lower
 */
export function trainStep(
  state: TrainState,
  loss: (tensors: ReadonlyMap<string, tf.Tensor>) => tf.Scalar,
  rate: number,
  decays: tf.Tensor1D,
  options: AdamWOptions,
): StepResult {
  const engine = tf.engine();
  engine.startScope("trainStep");
  let kept: tf.Tensor[] = [];
  try {
    const tensors = unpack(state.entries, state.parameters);
    const list = [...tensors.values()];
    const { value, grads } = engine.gradients(() => loss(tensors), list, undefined, true);
    // A parameter that the loss does not use has no gradient.
    const gradient = flatten(list.map((tensor, i) => grads[i] ?? tf.zerosLike(tensor)));
    const { state: next, gradientNorm } = adamW(state, gradient, rate, decays, options);
    kept = [next.parameters, next.first, next.second, value, gradientNorm];
    return { state: next, loss: value as tf.Scalar, gradientNorm };
  } finally {
    engine.endScope(kept);
  }
}
