import * as tf from "@tensorflow/tfjs";
import type { WasmInternals } from "./internals.ts";

/**
 * Sum and Mean as the wasm backend should do them. The published kernels add one float32 after the other,
 * which is 1 % wrong for a million equal numbers and 4e-5 for 4096, and they leave the sum over nothing
 * unwritten. Here numbers are added in float64 on the heap, which takes no longer, and without transposing
 * first where the reduced axes are not the last ones.
 */
export function repairSums(): void {
  repair("Sum");
  repair("Mean");
}

function repair(kernelName: "Sum" | "Mean"): void {
  const published = tf.getKernel(kernelName, "wasm");
  tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({
    ...published,
    kernelFunc(call) {
      const { x } = call.inputs as { x: tf.TensorInfo };
      if (x.dtype !== "float32") return published.kernelFunc(call);
      const backend = call.backend as WasmInternals;
      const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
      const out = backend.makeOutput(keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i)), "float32");
      const sums = backend.typedArrayFromHeap(out) as Float32Array;
      const values = backend.typedArrayFromHeap(x) as Float32Array;
      sumOver(values, x.shape, axes, sums, kernelName === "Mean" ? values.length / sums.length : 1);
      return out;
    },
  });
}

/** Sums over some axes: neighbouring axes in one go, groups of them one after the other, the last first. */
function sumOver(x: Float32Array, shape: readonly number[], axes: readonly number[], out: Float32Array, by: number) {
  const end = Math.max(-1, ...axes) + 1;
  let start = end;
  while (axes.includes(start - 1)) start--;
  const [outer, reduced, inner] = [shape.slice(0, start), shape.slice(start, end), shape.slice(end)].map((sizes) =>
    tf.util.sizeFromShape([...sizes]),
  );
  const left = axes.filter((axis) => axis < start);
  if (left.length === 0) return sumMiddle(x, outer, reduced, inner, out, by);
  const sums = new Float32Array(outer * inner);
  sumMiddle(x, outer, reduced, inner, sums, 1);
  sumOver(sums, [...shape.slice(0, start), inner], left, out, by);
}

/** [outer, reduced, inner] → [outer, inner], divided by a number. Four rows at a time, to touch the sums less often. */
function sumMiddle(x: Float32Array, outer: number, reduced: number, inner: number, out: Float32Array, by: number) {
  if (inner === 1) {
    for (let i = 0; i < outer; i++) out[i] = sumRow(x, i * reduced, (i + 1) * reduced) / by;
    return;
  }
  const sums = new Float64Array(inner);
  for (let i = 0, at = 0; i < outer; i++) {
    sums.fill(0);
    let row = 0;
    for (; row + 4 <= reduced; row += 4, at += 4 * inner) {
      for (let j = 0, k = at; j < inner; j++, k++)
        sums[j] += x[k] + x[k + inner] + (x[k + 2 * inner] + x[k + 3 * inner]);
    }
    for (; row < reduced; row++, at += inner) for (let j = 0; j < inner; j++) sums[j] += x[at + j];
    for (let j = 0; j < inner; j++) out[i * inner + j] = sums[j] / by;
  }
}

/** Four sums at a time, because one addition has to wait for the one before. */
export function sumRow(x: Float32Array, start: number, end: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    a += x[at];
    b += x[at + 1];
    c += x[at + 2];
    d += x[at + 3];
  }
  for (; at < end; at++) a += x[at];
  return a + b + (c + d);
}
