import * as tf from "@tensorflow/tfjs";
import type { Attribute, Metadata, NativeInternals } from "./internals.ts";

/** Types of floats as safetensors names them, and as TensorFlow numbers them (tensorflow/c/tf_datatype.h). */
const TYPES = { F32: 1, BF16: 14, F16: 19 } as const;
const UINT8 = 4;

/**
 * Floats as float32 on the current backend, from the bytes that a checkpoint has, widened by TensorFlow on all cores.
 * The bytes may change afterwards.
 *
 * @param bytes little-endian, row-major, at an offset that is a multiple of four
 * @returns undefined on other backends
 */
export function nativeFloats(
  dtype: keyof typeof TYPES,
  bytes: Uint8Array,
  shape: readonly number[],
): tf.Tensor | undefined {
  if (tf.getBackend() !== "tensorflow" || bytes.length === 0) return undefined;
  const backend = tf.backend() as unknown as NativeInternals;
  const { binding } = backend;
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  // What is computed has memory of its own.
  const computed = (name: string, inputs: readonly number[], ...attributes: readonly Attribute[]) =>
    binding.executeOp(name, attributes, inputs, 1)[0];
  const raw =
    dtype === "F32"
      ? binding.createTensor(shape, TYPES.F32, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4))
      : binding.createTensor([...shape, 2], UINT8, bytes);
  let halves: Metadata | undefined;
  try {
    if (dtype === "F32")
      return backend.createOutputTensor(computed("DeepCopy", [raw], type("T", TYPES.F32))) as tf.Tensor;
    // The binding makes no tensors of halves; pairs of bytes are taken for them.
    halves = computed("Bitcast", [raw], type("T", UINT8), type("type", TYPES[dtype]));
    const cut = { name: "Truncate", type: binding.TF_ATTR_BOOL, value: false };
    return backend.createOutputTensor(
      computed("Cast", [halves.id], type("SrcT", TYPES[dtype]), type("DstT", TYPES.F32), cut),
    ) as tf.Tensor;
  } finally {
    binding.deleteTensor(raw);
    if (halves) binding.deleteTensor(halves.id);
  }
}
