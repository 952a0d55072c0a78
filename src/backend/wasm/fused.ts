import * as tf from "@tensorflow/tfjs";
import { groupedShape } from "../fused-attention.ts";
import type { WasmInternals } from "./internals.ts";
import { sumRow } from "./sums.ts";

/**
 * The kernels of ../fused.ts as loops over the heap. They round to float32 where the ops that they stand for do, and
 * so give the same bits.
 */
export function addFusedKernels(): void {
  const round = Math.fround;
  add("RmsNorm", ({ inputs, attrs, backend }) => {
    const { x, weight } = inputs as Record<"x" | "weight", tf.TensorInfo>;
    const { eps } = attrs as unknown as { eps: number };
    const wasm = backend as WasmInternals;
    const out = wasm.makeOutput(x.shape, "float32");
    const [values, scale, target] = [x, weight, out].map((tensor) => wasm.typedArrayFromHeap(tensor) as Float32Array);
    const width = scale.length;
    const squares = new Float32Array(width);
    for (let start = 0; start < values.length; start += width) {
      for (let i = 0; i < width; i++) squares[i] = values[start + i] * values[start + i];
      const mean = round(sumRow(squares, 0, width) / width);
      const factor = round(1 / round(Math.sqrt(round(mean + round(eps)))));
      for (let i = 0; i < width; i++) target[start + i] = round(values[start + i] * factor) * scale[i];
    }
    return out;
  });
  add("Rotate", ({ inputs, backend }) => {
    const { x, cos, sin } = inputs as Record<"x" | "cos" | "sin", tf.TensorInfo>;
    const wasm = backend as WasmInternals;
    const out = wasm.makeOutput(x.shape, "float32");
    const [values, c, s, target] = [x, cos, sin, out].map((tensor) => wasm.typedArrayFromHeap(tensor) as Float32Array);
    const [batch, heads, tokens, width] = x.shape;
    const half = width / 2;
    let at = 0;
    for (let head = 0; head < batch * heads; head++) {
      let angle = Math.floor(head / heads) * tokens * width;
      for (let token = 0; token < tokens; token++, at += width, angle += width) {
        for (let i = 0; i < half; i++) {
          const [j, k] = [at + i, at + half + i];
          target[j] = round(values[j] * c[angle + i]) - round(values[k] * s[angle + i]);
          target[k] = round(values[k] * c[angle + half + i]) + round(values[j] * s[angle + half + i]);
        }
      }
    }
    return out;
  });
  addAttention();
}

/**
 * Attention as the backend's own kernels, one after the other without the engine between them; reshaped tensors are
 * other views of the same memory.
 */
function addAttention(): void {
  const kernel = (name: string) => tf.getKernel(name, "wasm").kernelFunc;
  const [multiply, plus, softmax] = [kernel("BatchMatMul"), kernel("Add"), kernel("Softmax")];
  const attention: tf.KernelFunc = ({ inputs, backend }) => {
    const { q, k, v, mask } = inputs as Record<"q" | "k" | "v" | "mask", tf.TensorInfo>;
    const wasm = backend as WasmInternals;
    const made: tf.TensorInfo[] = [];
    const passing = (x: tf.TensorInfo | tf.TensorInfo[]) => {
      made.push(x as tf.TensorInfo);
      return x as tf.TensorInfo;
    };
    const call = { backend: backend as object };
    const [batch, heads, queries, width] = q.shape;
    const grouped = (x: tf.TensorInfo) => ({ ...x, shape: groupedShape(x.shape, k.shape[1]) });
    try {
      const scaled = passing(wasm.makeOutput(q.shape, "float32"));
      const factor = Math.fround(width ** -0.5);
      const [from, to] = [q, scaled].map((x) => wasm.typedArrayFromHeap(x));
      for (let i = 0; i < from.length; i++) to[i] = from[i] * factor;
      const attrs = { transposeA: false, transposeB: true };
      const raw = passing(multiply({ ...call, inputs: { a: grouped(scaled), b: k }, attrs }));
      const scores = { ...raw, shape: [batch, heads, queries, k.shape[2]] };
      const hidden = mask ? passing(plus({ ...call, inputs: { a: scores, b: mask }, attrs: {} })) : scores;
      const weights = passing(softmax({ ...call, inputs: { logits: hidden }, attrs: { dim: 3 } }));
      const mixed = multiply({
        ...call,
        inputs: { a: grouped(weights), b: v },
        attrs: { ...attrs, transposeB: false },
      });
      return { ...(mixed as tf.TensorInfo), shape: q.shape };
    } finally {
      // Also where the heap was too full to go on.
      for (const { dataId } of made) wasm.disposeData(dataId);
    }
  };
  add("Attention", attention);
  add("MaskedAttention", attention);
}

function add(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}
