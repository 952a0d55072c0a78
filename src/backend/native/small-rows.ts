import * as tf from "@tensorflow/tfjs";
import { type Call, isSmall, type SmallKernels } from "./small.ts";

/** Up to this many values a loop of JavaScript is faster than the op. */
const MOST_VALUES = 2 ** 12;

/**
 * Registers what is computed value by value or row by row. Sums, products and rotations have the bits of the ops; a
 * norm and a sigmoid may differ from them in the last bit.
 */
export function computeSmallRows(kernels: SmallKernels): void {
  const values = (x: tf.TensorInfo) => kernels.values(x);
  const ofX = ({ inputs: { x } }: Call) => isSmall(x, MOST_VALUES);
  const ofTwo = ({ inputs: { a, b } }: Call) =>
    isSmall(a, MOST_VALUES) && b.dtype === "float32" && a.shape.join() === b.shape.join();

  kernels.add("Add", ofTwo, ({ inputs: { a, b } }) => {
    const [first, second] = [values(a), values(b)];
    const sum = new Float32Array(first.length);
    for (let i = 0; i < sum.length; i++) sum[i] = first[i] + second[i];
    return kernels.made(sum, a.shape);
  });
  kernels.add("Multiply", ofTwo, ({ inputs: { a, b } }) => {
    const [first, second] = [values(a), values(b)];
    const product = new Float32Array(first.length);
    for (let i = 0; i < product.length; i++) product[i] = first[i] * second[i];
    return kernels.made(product, a.shape);
  });
  kernels.add("Sigmoid", ofX, ({ inputs: { x } }) => {
    const all = values(x);
    const sigmoid = new Float32Array(all.length);
    for (let i = 0; i < all.length; i++) sigmoid[i] = 1 / (1 + Math.exp(-all[i]));
    return kernels.made(sigmoid, x.shape);
  });
  kernels.add("Reshape", ofX, ({ inputs: { x }, attrs: { shape } }) => {
    const size = tf.util.sizeFromShape(x.shape);
    return kernels.made(values(x).slice(), tf.util.inferFromImplicitShape(shape as number[], size));
  });
  kernels.add("RmsNorm", ofX, ({ inputs: { x, weight }, attrs: { eps } }) => {
    const [all, scale, width] = [values(x), values(weight), weight.shape[0]];
    const out = new Float32Array(all.length);
    for (let start = 0; start < all.length; start += width) {
      let sum = 0;
      for (let i = start; i < start + width; i++) sum += all[i] * all[i];
      const factor = Math.fround(1 / Math.sqrt(sum / width + (eps as number)));
      for (let i = 0; i < width; i++) out[start + i] = Math.fround(all[start + i] * factor) * scale[i];
    }
    return kernels.made(out, x.shape);
  });
  kernels.add("Rotate", ofX, ({ inputs: { x, cos, sin } }) => {
    const [all, c, s] = [values(x), values(cos), values(sin)];
    const [, heads, tokens, width] = x.shape;
    const half = width / 2;
    const out = new Float32Array(all.length);
    for (let start = 0; start < all.length; start += width) {
      const row = start / width; // of [batch, heads, tokens]
      const angles = (Math.floor(row / (heads * tokens)) * tokens + (row % tokens)) * width;
      for (let i = 0; i < width; i++) {
        const turned = i < half ? -all[start + i + half] : all[start + i - half];
        out[start + i] = Math.fround(all[start + i] * c[angles + i]) + Math.fround(turned * s[angles + i]);
      }
    }
    return kernels.made(out, x.shape);
  });
}
