import * as tf from "@tensorflow/tfjs";

/*
 * Attention as one op, of which nobody sees scores and weights: eight small ops at each layer and token otherwise. A
 * backend has a kernel of its own for it, or none.
 * Shapes: B batch; h heads and hkv heads of keys, of width d; Q queries, S keys.
 */

/**
 * softmax(q·kᵀ/√d + mask)·v with grouped queries, differentiable in all four. The bits are those of the
 * separate ops, save for one query with few keys on tensorflow (native/small-products.ts).
 *
 * @param q [B, h, Q, d]
 * @param k [B, hkv, S, d]
 * @param v [B, hkv, S, d]
 * @param mask broadcast to [B, h, Q, S]
 * @returns [B, h, Q, d]; undefined where the backend has no kernel for it
 */
export function fusedAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor | undefined,
): tf.Tensor4D | undefined {
  if (tf.getKernel("Attention", tf.getBackend()) === undefined) return undefined;
  return mask
    ? (tf.engine().runKernel("MaskedAttention", { q, k, v, mask }) as tf.Tensor4D)
    : (tf.engine().runKernel("Attention", { q, k, v }) as tf.Tensor4D);
}

/** The queries of all heads that share their keys, as the rows of one matrix: [B, h, Q, n] ↔ [B, hkv, h/hkv·Q, n]. */
export function groupedShape(shape: readonly number[], keyValueHeads: number): [number, number, number, number] {
  const [batch, heads, queries, width] = shape;
  return [batch, keyValueHeads, (heads / keyValueHeads) * queries, width];
}

/** What the backward pass computes again, and the gradient of the scores, both [B, hkv, h/hkv·Q, S]. */
function backwards(up: tf.Tensor4D, [q, k, v, mask]: readonly tf.Tensor4D[]) {
  const [batch, heads, queries, width] = q.shape;
  const [, keyValueHeads, keys] = k.shape;
  const shape = groupedShape([batch, heads, queries, keys], keyValueHeads);
  const scaled = q.mul(width ** -0.5).reshape(groupedShape(q.shape, keyValueHeads));
  const raw = tf.matMul(scaled, k, false, true);
  const masked = mask ? raw.reshape([batch, heads, queries, keys]).add(mask).reshape(shape) : raw;
  const attention = tf.softmax(masked) as tf.Tensor4D;
  const above = up.reshape(groupedShape(up.shape, keyValueHeads));
  const ofAttention = tf.matMul(above, v, false, true);
  const ofScores = attention.mul<tf.Tensor4D>(ofAttention.sub(ofAttention.mul(attention).sum(-1, true)));
  return { scaled, attention, above, ofScores };
}

for (const kernelName of ["Attention", "MaskedAttention"])
  tf.registerGradient({
    kernelName,
    inputsToSave: kernelName === "Attention" ? ["q", "k", "v"] : ["q", "k", "v", "mask"],
    gradFunc: (dy, saved) => {
      const inputs = saved as tf.Tensor4D[];
      const [q, k, , mask] = inputs;
      const again = () => backwards(dy as tf.Tensor4D, inputs);
      return {
        q: () =>
          tf
            .matMul(again().ofScores, k)
            .mul(q.shape[3] ** -0.5)
            .reshape(q.shape),
        k: () => {
          const { ofScores, scaled } = again();
          return tf.matMul(ofScores, scaled, true, false);
        },
        v: () => {
          const { attention, above } = again();
          return tf.matMul(attention, above, true, false);
        },
        mask: () => {
          const shape = [...q.shape.slice(0, 3), k.shape[2]];
          const ofScores = again().ofScores.reshape(shape);
          return ofScores.sum(tf.broadcast_util.getReductionAxes(mask.shape, shape)).reshape(mask.shape);
        },
      };
    },
  });
