import * as tf from "@tensorflow/tfjs";

/** The activations that CLIP, LLaVA's projector and Llama name in their configurations. */
export const activations = {
  /** x·σ(1.702x), CLIP's approximation of GELU. */
  quick_gelu: <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.sigmoid(x.mul(1.702)))),
  /** The exact x·Φ(x), with the error function. */
  gelu: <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.erf(x.mul(Math.SQRT1_2)).add(1).mul(0.5))),
  /** x·σ(x), also called swish. */
  silu: <T extends tf.Tensor>(x: T): T => tf.tidy(() => x.mul(tf.sigmoid(x))),
} as const;

/** A key of {@link activations}. */
export type ActivationName = keyof typeof activations;

/** All keys of {@link activations}. */
export const ACTIVATION_NAMES = Object.keys(activations) as [ActivationName, ...ActivationName[]];
