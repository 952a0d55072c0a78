import * as tf from "@tensorflow/tfjs";
import { NonFiniteError } from "../core/errors.ts";
import { checkScores } from "../core/ranking.ts";
import { type Readback, readback } from "../core/readback.ts";
import type { TapName } from "../core/tap-points.ts";
import { chain, type Tap } from "../core/taps.ts";
import type { ImageInputs, Vlm } from "../model/vlm.ts";

/*
 * One NaN makes every number behind it NaN, so where it is noticed says little. Where it arose is searched for only
 * when one was noticed: finite passes pay for a look at their logits, which are read anyway.
 */

/**
 * Makes a pass, and refuses NaN and infinite values in what comes out, naming where they arose: in the pixels, in a
 * weight, or at the first point of a second pass that has them.
 *
 * @param pass the whole forward pass with a tap
 * @throws NonFiniteError
 */
export function* whileFinite<T extends { readonly logits: tf.Tensor }>(
  model: Pick<Vlm, "tensors">,
  images: Partial<ImageInputs>,
  watching: Tap,
  pass: (tap: Tap) => Readback<T>,
): Readback<T> {
  try {
    const result = yield* pass(watching);
    checkScores("logits", yield* readback(result.logits));
    return result;
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    yield* refusePixels(images);
    yield* refuseWeights(model);
    const point = yield* firstPoint(watching, pass);
    if (point === undefined) throw error;
    throw new NonFiniteError(
      `${point}: is the first point of the pass with a NaN or infinite value, while pixels and weights are finite. A ` +
        "tap or a method put it there, or the numbers became larger than float32 holds.",
    );
  }
}

function* refusePixels({ pixels, origin = "pixels" }: Partial<ImageInputs>): Readback<void> {
  if (!pixels) return;
  const values = yield* readback(pixels);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw new NonFiniteError(
      `${origin}: holds ${values[at]}, first at value ${at} of shape [${pixels.shape}]. Pixels must be finite.`,
    );
}

function* refuseWeights({ tensors }: Pick<Vlm, "tensors">): Readback<void> {
  for (const [name, tensor] of tensors) {
    const [sum] = yield* readback(zeroIfFinite(tensor));
    if (!Number.isFinite(sum))
      throw new NonFiniteError(`weight ${name}: holds NaN or infinite values. Load the checkpoint again.`);
  }
}

/**
 * Points that together cover a pass. Attention scores are infinite where they are masked, and what a method computes
 * is checked where it is used, in the name of the method.
 */
const WATCHED = /(hidden_states\.\d+|features|tokens|output|residual|embeddings|norm|logits_last)$/;

/** The first point of a repeated pass that has a NaN or infinite value. */
function* firstPoint(watching: Tap, pass: (tap: Tap) => Readback<unknown>): Readback<TapName | undefined> {
  const met: { readonly name: TapName; readonly sum: tf.Scalar }[] = [];
  const see = <T extends tf.Tensor>(name: TapName, x: T): T => {
    if (WATCHED.test(name)) met.push({ name, sum: tf.keep(zeroIfFinite(x)) });
    return x;
  };
  try {
    yield* pass(chain(watching, Object.assign(see, { wants: (name: TapName) => WATCHED.test(name) })));
  } catch (error) {
    // The second pass comes as far as the first one did.
    if (!(error instanceof NonFiniteError)) throw error;
  }
  try {
    for (const { name, sum } of met) {
      const [value] = yield* readback(sum);
      if (!Number.isFinite(value)) return name;
    }
    return undefined;
  } finally {
    tf.dispose(met.map(({ sum }) => sum));
  }
}

/** 0 when all values are finite, else NaN: on every backend, which not all test for NaN. */
function zeroIfFinite(x: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.sum(tf.mul(x, 0)));
}
