import * as tf from "@tensorflow/tfjs";
import type { Plain } from "./backends.ts";

/** One call of a kernel, with all values. */
export interface KernelCall {
  readonly kernel: string;
  /** Shapes and types of the inputs, and the attributes. */
  readonly signature: string;
  readonly inputs: Record<string, Plain> | Plain[];
  readonly attributes: Record<string, unknown>;
  readonly outputs: readonly Plain[];
}

/**
 * Keeps the first call of each kernel with each signature while `work` runs on the current backend. Calls
 * that one kernel makes to others are part of it, and not kept.
 */
export async function spyOnKernels(work: () => unknown): Promise<KernelCall[]> {
  const calls = new Map<string, KernelCall>();
  const kernels = tf.getKernelsForBackend(tf.getBackend());
  const originals = kernels.map(({ kernelFunc }) => kernelFunc);
  let depth = 0;
  for (const kernel of kernels) {
    const { kernelName, kernelFunc } = kernel;
    kernel.kernelFunc = (parameters) => {
      const { inputs, attrs = {} } = parameters;
      const described = describe(inputs);
      const signature = `${kernelName} ${described} ${JSON.stringify(attrs)}`;
      const keep = depth === 0 && !calls.has(signature);
      // Inputs are read before the call, because a kernel may pass its input on as its output.
      const before = keep && mapInputs(inputs, plainInfo);
      depth++;
      try {
        const outputs = kernelFunc(parameters);
        if (before) {
          const kept = [outputs].flat().map(plainInfo);
          calls.set(signature, { kernel: kernelName, signature, inputs: before, attributes: attrs, outputs: kept });
        }
        return outputs;
      } finally {
        depth--;
      }
    };
  }
  try {
    await work();
  } finally {
    kernels.forEach((kernel, i) => {
      kernel.kernelFunc = originals[i];
    });
  }
  return [...calls.values()];
}

function describe(inputs: object): string {
  const parts = Object.entries(inputs as Record<string, tf.TensorInfo | undefined>);
  return parts.map(([name, info]) => (info ? `${name}:${info.dtype}[${info.shape}]` : "")).join(" ");
}

/** Inputs come as named tensors or, for kernels such as concat, as a list. */
function mapInputs<T>(inputs: object, map: (info: tf.TensorInfo) => T): Record<string, T> | T[] {
  if (Array.isArray(inputs)) return inputs.map(map);
  return Object.fromEntries(Object.entries(inputs).flatMap(([name, info]) => (info ? [[name, map(info)]] : [])));
}

function plainInfo({ dataId, shape, dtype }: tf.TensorInfo): Plain {
  const values = (tf.backend().readSync(dataId) as Plain["values"]).slice();
  return { shape: [...shape], dtype, values };
}
