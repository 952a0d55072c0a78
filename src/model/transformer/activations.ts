import * as tf from "@tensorflow/tfjs";

/** The exact x·Φ(x), with the error function (Hendrycks and Gimpel, arXiv 1606.08415). */
const gelu = <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.erf(x.mul(Math.SQRT1_2)).add(1).mul(0.5)));

/** GELU with tanh instead of the error function, ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))), by the same authors. */
const geluTanh = <T extends tf.Tensor>(x: T): T =>
  tf.tidy(() => {
    const inner = x.mul(x.square().mul(0.044715).add(1)).mul(Math.sqrt(2 / Math.PI));
    return x.mul(tf.tanh(inner).add(1).mul(0.5));
  });

/** x·σ(x), also called swish. */
const silu = <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.sigmoid(x)));

/**
 * Activations by the names that configurations give them; several names may mean one function.
 *
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/activations.py (`ACT2FN`)
 */
export const activations = {
  /** x·σ(1.702x), CLIP's approximation of GELU. */
  quick_gelu: <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.sigmoid(x.mul(1.702)))),
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_accurate: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_python_tanh: geluTanh,
  silu,
  swish: silu,
  relu: <T extends tf.Tensor>(x: T): T => tf.relu(x),
} as const;

/** A key of {@link activations}. */
export type ActivationName = keyof typeof activations;

/** All keys of {@link activations}. */
export const ACTIVATION_NAMES = Object.keys(activations) as [ActivationName, ...ActivationName[]];
