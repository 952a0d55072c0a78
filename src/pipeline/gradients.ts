import * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../core/errors.ts";
import { recordReadbacks, replay, tensorsIn } from "../core/readback.ts";
import { noTap, type Tap } from "../core/taps.ts";
import type { Pruning } from "../methods/method.ts";
import type { Vlm } from "../model/vlm.ts";
import { type ForwardInputs, type ForwardResult, forward } from "./prefill.ts";

/** What {@link gradients} returns; the caller frees it. */
export interface Gradients {
  readonly value: tf.Scalar;
  /** One for each of `of`, of the same shape. */
  readonly gradients: readonly tf.Tensor[];
}

/**
 * The gradient of a number computed from a forward pass, with pruning in the path. The selections are
 * made first, outside the tape, and held fixed: the hard selection is piecewise constant, so this is
 * its gradient almost everywhere.
 *
 * @param scalar from the result of the pass to the number, such as one logit
 * @param of any of `inputs.pixels`, `model.tensors`, scalars that the method was made with (see `Stage1Constants`), and
 * tensors that the tap puts in
 * @throws NuwaError when the number does not depend on one of them
 */
export async function gradients(
  model: Vlm,
  inputs: ForwardInputs,
  method: Pruning,
  scalar: (result: ForwardResult) => tf.Scalar,
  of: readonly tf.Tensor[],
  tap: Tap = noTap,
): Promise<Gradients> {
  const { result, values } = await recordReadbacks(() => forward(model, inputs, method, tap));
  tf.dispose(tensorsIn(result));
  return tf.tidy(() => {
    const pass = () => scalar(replay(() => forward(model, inputs, method, tap), values));
    const { value, grads } = freeingTape(() => tf.engine().gradients(pass, [...of], undefined, true));
    const missing = grads.findIndex((gradient: tf.Tensor | undefined) => gradient === undefined);
    if (missing >= 0)
      throw new NuwaError(
        `gradients: the number does not depend on tensor ${missing} of those given (shape [${of[missing].shape}]).`,
      );
    return { value: value as tf.Scalar, gradients: grads };
  });
}

/** tfjs frees what its tape holds when gradients are done, but not where a function of the caller has thrown. */
function freeingTape<T>(work: () => T): T {
  const { state } = tf.engine();
  try {
    return work();
  } catch (error) {
    // In a tape of the caller it is not ours to free.
    if (state.gradientDepth === 0 && state.activeTape) {
      for (const { saved } of state.activeTape) tf.dispose(saved ?? []);
      state.activeTape = [];
    }
    throw error;
  }
}
