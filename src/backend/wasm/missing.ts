import * as tf from "@tensorflow/tfjs";
import type { WasmInternals } from "./internals.ts";

/**
 * Kernels that the wasm backend does not have and that the model's gradients need.
 */
export function addMissingKernels(): void {
  // The gradient of gather: rows of x are added up where segmentIds says.
  tf.registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName: "wasm",
    kernelFunc({ inputs, attrs, backend }) {
      const wasm = backend as WasmInternals;
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const { numSegments } = attrs as unknown as { numSegments: number };
      const width = tf.util.sizeFromShape(x.shape.slice(1));
      // The output comes first: making it may move the heap under earlier views.
      const out = wasm.makeOutput([numSegments, ...x.shape.slice(1)], x.dtype);
      const sums = wasm.typedArrayFromHeap(out);
      const values = wasm.typedArrayFromHeap(x);
      const segments = wasm.typedArrayFromHeap(segmentIds);
      sums.fill(0);
      for (let row = 0; row < segments.length; row++) {
        const segment = segments[row];
        // Like the other backends: rows of negative segments are dropped.
        if (segment < 0 || segment >= numSegments) continue;
        for (let i = 0; i < width; i++) sums[segment * width + i] += values[row * width + i];
      }
      return out;
    },
  });
}
