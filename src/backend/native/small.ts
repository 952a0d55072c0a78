import * as tf from "@tensorflow/tfjs";
import type { NativeInternals } from "./internals.ts";

/*
 * An op of TensorFlow takes 15 to 340 microseconds in the binding, however few its values are; reading values and
 * handing new ones over takes 2 to 6 (docs/performance.md). So what is small, as all is when a small model decodes one
 * token, is computed here. Values stay in JavaScript until an op of TensorFlow needs them.
 * Only on a CPU: reading from a GPU would wait for it.
 */

/** A kernel's inputs and attributes by their names. */
export interface Call {
  readonly inputs: Record<string, tf.TensorInfo>;
  readonly attrs: Record<string, unknown>;
}

/** Kernels that compute small tensors in JavaScript, in place of those that are registered, which compute the rest. */
export class SmallKernels {
  private readonly native: NativeInternals;

  constructor(backend: object) {
    this.native = backend as NativeInternals;
  }

  /** Registers a kernel for the calls that it is for. */
  add(kernelName: string, isFor: (call: Call) => boolean, compute: (call: Call) => tf.TensorInfo): void {
    const other = tf.getKernel(kernelName, "tensorflow");
    tf.unregisterKernel(kernelName, "tensorflow");
    const kernelFunc = (call: Parameters<tf.KernelFunc>[0]) =>
      isFor(call as Call) ? compute(call as Call) : other.kernelFunc(call);
    tf.registerKernel({ ...other, kernelFunc });
  }

  /** The values of a float32 tensor, not to be written to; those of a tensor of another backend are brought here. */
  values(x: tf.TensorInfo): Float32Array {
    this.native.tensorMap.get(x.dataId);
    return this.native.readSync(x.dataId) as Float32Array;
  }

  /** A tensor of values that nothing else holds. */
  made(values: Float32Array, shape: number[]): tf.TensorInfo {
    return { dataId: this.native.write(values, shape, "float32"), shape, dtype: "float32" };
  }
}

/** Whether a tensor has floats, and at most so many. */
export function isSmall(x: tf.TensorInfo, most: number): boolean {
  return x.dtype === "float32" && tf.util.sizeFromShape(x.shape) <= most;
}
