import * as tf from "@tensorflow/tfjs";
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
}

function add(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}
