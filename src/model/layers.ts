import * as tf from "@tensorflow/tfjs";
import type { Tap } from "../tap.ts";
import type { Weights } from "./weights.ts";

/**
 * The layers that the vision tower, the projector and the decoder are made of.
 * Shapes: B batch, T tokens, C channels; h heads of width d; Q queries, S keys.
 */

/** y = x·W + b over the last axis: [..., in] → [..., out]. The weight lies in memory as [in, out]. */
export function linear(w: Weights, x: tf.Tensor): tf.Tensor {
  const weight = w.tensor("weight");
  const [inputs, outputs] = weight.shape;
  return tf.tidy(() => {
  // Leading axes are flattened because a 2-D product is the one that every backend does fast.
  const flat = tf.matMul(x.reshape([-1, inputs]), weight as tf.Tensor2D); // [B·T, out]
  const biased = w.has("bias") ? flat.add(w.tensor("bias")) : flat;
  return biased.reshape([...x.shape.slice(0, -1), outputs]);
  });
}

/** LayerNorm over the last axis (Ba et al., arXiv 1607.06450). */
export function layerNorm(w: Weights, x: tf.Tensor, eps: number): tf.Tensor {
  return tf.tidy(() => {
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    return centred.mul(variance.add(eps).rsqrt()).mul(w.tensor("weight")).add(w.tensor("bias"));
  });
}

/** RMSNorm over the last axis (Zhang and Sennrich, arXiv 1910.07467). */
export function rmsNorm(w: Weights, x: tf.Tensor, eps: number): tf.Tensor {
  const meanSquare = x.square().mean(-1, true);
  return x.mul(meanSquare.add(eps).rsqrt()).mul(w.tensor("weight"));
}

/** [B, T, h·d] → [B, h, T, d] */
export function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, tokens, channels] = x.shape;
  return x.reshape([batch, tokens, heads, channels / heads]).transpose([0, 2, 1, 3]) as tf.Tensor4D;
}

/** [B, h, T, d] → [B, T, h·d] */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, tokens, width] = x.shape;
  return x.transpose([0, 2, 1, 3]).reshape([batch, tokens, heads * width]);
}

/** What {@link attend} returns. */
export interface Attended {
  /** [B, h, Q, d] */
  readonly output: tf.Tensor4D;
  /** Softmax weights [B, h, Q, S]. */
  readonly attention: tf.Tensor4D;
}

/**
 * Scaled dot-product attention with grouped queries (Ainslie et al., arXiv 2305.13245): query head i
 * reads key-value head ⌊i·hkv/h⌋, so that the queries of one group stand together and no key is copied.
 *
 * @param q [B, h, Q, d]
 * @param k [B, hkv, S, d]
 * @param v [B, hkv, S, d]
 * @param mask added to the scores, broadcast to [B, h, Q, S]; 0 where allowed, very negative elsewhere
 * @param place tap prefix, such as `llm.3`
 */
export function attend(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
  tap: Tap,
  place: `vision.${number}` | `llm.${number}`,
): Attended {
  const [batch, heads, queries, width] = q.shape;
  const [, keyValueHeads, keys] = k.shape;
  const grouped = q.mul(width ** -0.5).reshape([batch, keyValueHeads, (heads / keyValueHeads) * queries, width]);
  const raw = tf.matMul(grouped, k, false, true).reshape([batch, heads, queries, keys]);
  const scores = tap(`${place}.attention_scores`, mask ? raw.add(mask) : raw);
  const attention = tap(`${place}.attention`, tf.softmax(scores)) as tf.Tensor4D; // [B, h, Q, S]
  const mixed = tf.matMul(attention.reshape([batch, keyValueHeads, (heads / keyValueHeads) * queries, keys]), v);
  return { output: mixed.reshape([batch, heads, queries, width]), attention };
}

/**
 * Rows of each sample of a batch, a differentiable gather.
 *
 * @param x [B, T, C]
 * @param rows for each sample the rows to take; all lists equally long
 * @returns [B, k, C]
 */
export function gatherRows(x: tf.Tensor, rows: readonly (readonly number[])[]): tf.Tensor3D {
  const [batch, tokens, channels] = x.shape;
  const flat = rows.flatMap((list, sample) => list.map((row) => sample * tokens + row));
  return tf.gather(x.reshape([batch * tokens, channels]), tf.tensor1d(flat, "int32")).reshape([batch, -1, channels]);
}

/** Rows scaled to unit length over the last axis; a zero row stays zero, and so does its gradient's limit. */
export function normalizeRows(x: tf.Tensor): tf.Tensor {
  return x.mul(x.square().sum(-1, true).add(1e-24).rsqrt());
}
