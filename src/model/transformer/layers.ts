import * as tf from "@tensorflow/tfjs";
import { scaleToUnitRms } from "../../backend/fused.ts";
import type { TapName } from "../../core/tap-points.ts";
import { noTap, type Tap, wants } from "../../core/taps.ts";
import type { Weights } from "../weights.ts";
import { type ActivationName, activations } from "./activations.ts";

/**
 * The layers that the vision tower, the projector and the decoder are made of.
 * Shapes: B batch, T tokens, C channels; h heads of width d; Q queries, S keys.
 *
 * Each frees its intermediate tensors when it returns, so that the next one works on memory that is
 * still in the processor's cache.
 */

/** All tokens of a batch as the rows of one matrix: [..., C] → [B·T, C]. */
export function tokenRows(x: tf.Tensor): tf.Tensor2D {
  return x.rank === 2 ? (x as tf.Tensor2D) : x.reshape([-1, x.shape[x.rank - 1]]);
}

/** y = x·Wᵀ + b over the last axis: [..., in] → [..., out]. The weight is [out, in], as checkpoints have it. */
export function linear<T extends tf.Tensor>(w: Weights, x: T): T {
  const weight = w.tensor("weight") as tf.Tensor2D;
  return tf.tidy(() => {
    // Leading axes are flattened because a 2-D product is the one that every backend does fast.
    const product = tf.matMul(tokenRows(x), weight, false, true); // [B·T, out]
    const y = w.has("bias") ? product.add(w.tensor("bias")) : product;
    return (x.rank === 2 ? y : y.reshape([...x.shape.slice(0, -1), weight.shape[0]])) as T;
  });
}

/** LayerNorm over the last axis (Ba et al., arXiv 1607.06450). */
export function layerNorm<T extends tf.Tensor>(w: Weights, x: T, eps: number): T {
  return tf.tidy(() => {
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    return centred.mul(variance.add(eps).rsqrt()).mul(w.tensor("weight")).add(w.tensor("bias"));
  });
}

/** RMSNorm over the last axis (Zhang and Sennrich, arXiv 1910.07467). */
export function rmsNorm<T extends tf.Tensor>(w: Weights, x: T, eps: number): T {
  return scaleToUnitRms(x, w.tensor("weight"), eps);
}

/** The gated MLP, down(act(gate(x)) ⊙ up(x)), with silu SwiGLU (Shazeer, arXiv 2002.05202). */
export function gatedMlp(w: Weights, x: tf.Tensor2D, act: ActivationName): tf.Tensor2D {
  // One of these is the largest tensor of a pass, so each is freed as soon as it has been used.
  const inner = tf.tidy(() => {
    const gate = tf.tidy(() => activations[act](linear(w.at("gate_proj"), x)));
    return gate.mul<tf.Tensor2D>(linear(w.at("up_proj"), x));
  });
  return linear(w.at("down_proj"), inner);
}

/** [B·T, h·d] → [B, h, T, d] */
export function splitHeads(x: tf.Tensor2D, batch: number, heads: number): tf.Tensor4D {
  const [rows, channels] = x.shape;
  return x.reshape([batch, rows / batch, heads, channels / heads]).transpose([0, 2, 1, 3]);
}

/** [B, h, T, d] → [B·T, h·d] */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor2D {
  const [batch, heads, tokens, width] = x.shape;
  return x.transpose([0, 2, 1, 3]).reshape([batch * tokens, heads * width]);
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
 * @param prefix of the names that the tap sees, such as `llm.3`
 */
export function attend(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
  tap: Tap,
  prefix: `vision.${number}` | `llm.${number}`,
): Attended {
  return tf.tidy(() => {
    const [batch, heads, queries, width] = q.shape;
    const [, keyValueHeads, keys] = k.shape;
    const rows = (heads / keyValueHeads) * queries; // of all heads that share their keys
    const grouped = q.mul(width ** -0.5).reshape([batch, keyValueHeads, rows, width]);
    const raw = tf.matMul(grouped, k, false, true).reshape([batch, heads, queries, keys]);
    const scores = tap(`${prefix}.attention_scores`, mask ? raw.add(mask) : raw);
    const attention = tap(`${prefix}.attention`, tf.softmax(scores)) as tf.Tensor4D; // [B, h, Q, S]
    const mixed = tf.matMul(attention.reshape([batch, keyValueHeads, rows, keys]), v);
    return { output: tap(`${prefix}.z`, mixed.reshape<tf.Tensor4D>([batch, heads, queries, width])), attention };
  });
}

/** Attention weights that are computed at a time where nobody looks at all of them: 64 MiB, several times over. */
const WEIGHTS_AT_A_TIME = 2 ** 24;

/** What {@link attendInParts} returns. */
export interface AttendedInParts {
  /** [B, h, Q, d] */
  readonly output: tf.Tensor4D;
  /** Where it is wanted, the attention that each key receives, mean over heads, summed over the queries: [B, S]. */
  readonly received: tf.Tensor2D | undefined;
}

/**
 * {@link attend} for callers that need no [B, h, Q, S]: where that is large and no tap looks at it, some queries at a
 * time attend to all keys. The result is the same, because each query's softmax is its own; a gradient tape keeps all
 * parts.
 *
 * @param receiving whether what each key receives is wanted
 */
export function attendInParts(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
  tap: Tap,
  prefix: `vision.${number}` | `llm.${number}`,
  receiving = false,
): AttendedInParts {
  const receivedIn = (attention: tf.Tensor4D) => (receiving ? attention.sum(2).mean<tf.Tensor2D>(1) : undefined);
  return tf.tidy(() => {
    const [batch, heads, queries] = q.shape;
    const atATime = Math.max(1, Math.floor(WEIGHTS_AT_A_TIME / (batch * heads * k.shape[2])));
    if (queries <= atATime || wants(tap, `${prefix}.attention_scores`) || wants(tap, `${prefix}.attention`)) {
      const { output, attention } = attend(q, k, v, mask, tap, prefix);
      return { output, received: receivedIn(attention) };
    }
    const starts = Array.from({ length: Math.ceil(queries / atATime) }, (_, part) => part * atATime);
    const parts = starts.map((start) =>
      tf.tidy(() => {
        const count = Math.min(atATime, queries - start);
        const ofPart = (x: tf.Tensor4D) => x.slice([0, 0, start, 0], [-1, -1, count, -1]);
        const hidden = mask?.shape[2] === queries ? ofPart(mask as tf.Tensor4D) : mask; // [B, 1, Q or 1, S]
        const { output, attention } = attend(ofPart(q), k, v, hidden, noTap, prefix);
        return { output, received: receivedIn(attention) };
      }),
    );
    const outputs = parts.map((part) => part.output);
    const received = parts.flatMap((part) => part.received ?? []);
    return {
      output: tap(`${prefix}.z`, tf.concat(outputs, 2)),
      received: receiving ? tf.addN(received) : undefined,
    };
  });
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

/** Rows scaled to unit length over the last axis. A zero row stays zero; its gradient is finite but very large. */
export function normalizeRows(x: tf.Tensor): tf.Tensor {
  return x.mul(x.square().sum(-1, true).add(1e-24).rsqrt());
}

/**
 * Shows the rows of a matrix to a tap in the shape that its users know.
 *
 * @param rows [B·T, C]
 * @param shape [B, T, C]
 */
export function tapRows(tap: Tap, name: TapName, rows: tf.Tensor2D, shape: readonly number[]): tf.Tensor2D {
  return wants(tap, name) ? tap(name, rows.reshape([...shape])).reshape(rows.shape) : rows;
}

/** The mean of tensors of one shape. */
export function meanOf(states: readonly tf.Tensor3D[]): tf.Tensor3D {
  return tf.addN([...states]).div(states.length);
}
