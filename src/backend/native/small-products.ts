import * as tf from "@tensorflow/tfjs";
import { type Call, isSmall, type SmallKernels } from "./small.ts";

/** Up to this many multiplications a product takes less time as a loop of JavaScript than in the binding. */
const MOST_MULTIPLICATIONS = 2 ** 15;
/** Up to this many values of the keys attention of one query does. */
const MOST_KEYS = 2 ** 16;
/** Up to this many values in all a concatenation does. */
const MOST_JOINED = 2 ** 16;

/**
 * Registers products of few rows with small matrices, attention of one query, and the concatenation by which the cache
 * of keys and values grows. Sums are taken in float64: products may differ from the ops' in the last bits.
 */
export function computeSmallProducts(kernels: SmallKernels): void {
  const values = (x: tf.TensorInfo) => kernels.values(x);

  const isSmallProduct = ({ inputs: { a, b }, attrs: { transposeA, transposeB } }: Call) =>
    a.shape.length === 2 &&
    b.shape.length === 2 &&
    !transposeA &&
    transposeB === true &&
    isSmall(a, MOST_MULTIPLICATIONS) &&
    isSmall(b, MOST_MULTIPLICATIONS / a.shape[0]);
  kernels.add("BatchMatMul", isSmallProduct, ({ inputs: { a, b } }) => {
    const [rows, inner] = a.shape;
    const columns = b.shape[0];
    const [left, right] = [values(a), values(b)];
    const out = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        out[row * columns + column] = dot(left, row * inner, right, column * inner, inner);
    return kernels.made(out, [rows, columns]);
  });

  const isOneQuery = ({ inputs: { q, k } }: Call) => q.shape[2] === 1 && isSmall(k, MOST_KEYS);
  kernels.add("Attention", isOneQuery, ({ inputs: { q, k, v } }) => {
    const [batch, heads, , width] = q.shape;
    const [, keyValueHeads, count] = k.shape;
    const [queries, keys, mixed] = [values(q), values(k), values(v)];
    const out = new Float32Array(queries.length);
    const weights = new Float64Array(count);
    for (let head = 0; head < batch * heads; head++) {
      // Where the keys and values of this head begin: heads of one group share theirs.
      const start = Math.floor(head / (heads / keyValueHeads)) * count * width;
      let most = Number.NEGATIVE_INFINITY;
      for (let key = 0; key < count; key++) {
        weights[key] = dot(queries, head * width, keys, start + key * width, width) * width ** -0.5;
        most = Math.max(most, weights[key]);
      }
      let sum = 0;
      for (let key = 0; key < count; key++) {
        weights[key] = Math.exp(weights[key] - most);
        sum += weights[key];
      }
      const mix = new Float64Array(width);
      for (let key = 0; key < count; key++)
        for (let i = 0; i < width; i++) mix[i] += weights[key] * mixed[start + key * width + i];
      for (let i = 0; i < width; i++) out[head * width + i] = mix[i] / sum;
    }
    return kernels.made(out, q.shape);
  });

  const isSmallJoin = ({ inputs }: Call) =>
    Object.values(inputs).every((x) => isSmall(x, MOST_JOINED)) &&
    Object.values(inputs).reduce((sum, x) => sum + tf.util.sizeFromShape(x.shape), 0) <= MOST_JOINED;
  kernels.add("Concat", isSmallJoin, ({ inputs, attrs }) => {
    const parts = Object.values(inputs);
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, parts[0].shape);
    const shape = tf.backend_util.computeOutShape(
      parts.map((part) => part.shape),
      axis,
    );
    const out = new Float32Array(tf.util.sizeFromShape(shape));
    const whole = tf.util.sizeFromShape(shape.slice(axis));
    let place = 0;
    for (const part of parts) {
      const length = tf.util.sizeFromShape(part.shape.slice(axis));
      const all = values(part);
      for (let from = 0, to = place; from < all.length; from += length, to += whole)
        out.set(all.subarray(from, from + length), to);
      place += length;
    }
    return kernels.made(out, shape);
  });
}

function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}
