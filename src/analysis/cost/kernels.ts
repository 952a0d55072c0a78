import * as tf from "@tensorflow/tfjs";

/** A kernel that the engine is about to run. */
export interface KernelCall {
  /** Its registered name, such as `BatchMatMul`. */
  readonly name: string;
  readonly inputs: tf.NamedTensorMap;
  readonly attributes: unknown;
}

type Outputs = tf.Tensor | tf.Tensor[];

/**
 * Puts a function around every kernel that the engine runs, those of other runs included. Kernels that a kernel calls
 * in its own backend are not seen.
 *
 * @param around gets the call and `run`, which it calls once and whose outputs it returns
 * @returns puts the engine back as it was
 */
export function aroundKernels(around: (call: KernelCall, run: () => Outputs) => Outputs): () => void {
  const engine = tf.engine();
  const before = Object.getOwnPropertyDescriptor(engine, "runKernel");
  const original = engine.runKernel;
  engine.runKernel = function (this: typeof engine, name, inputs, attributes) {
    return around({ name, inputs, attributes }, () => original.call(this, name, inputs, attributes) as Outputs);
  } as typeof original;
  return () => {
    if (before) Object.defineProperty(engine, "runKernel", before);
    else delete (engine as { runKernel?: unknown }).runKernel;
  };
}
