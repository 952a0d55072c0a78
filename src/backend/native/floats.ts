import * as tf from "@tensorflow/tfjs";

/** Types of floats as safetensors names them, and as TensorFlow numbers them (tensorflow/c/tf_datatype.h). */
const TYPES = { F32: 1, BF16: 14, F16: 19 } as const;
const UINT8 = 4;

/** The parts of the package's backend object that are used here. */
interface NativeBackend {
  readonly binding: {
    readonly TF_ATTR_TYPE: number;
    readonly TF_ATTR_BOOL: number;
    createTensor(shape: readonly number[], type: number, values: Uint8Array | Float32Array): number;
    executeOp(name: string, attributes: readonly object[], inputs: readonly number[], outputs: number): Output[];
    deleteTensor(id: number): void;
  };
  createOutputTensor(output: Output): tf.Tensor;
}
type Output = { readonly id: number; readonly dtype: number; readonly shape: readonly number[] };

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
  const backend = tf.backend() as unknown as NativeBackend;
  const { binding } = backend;
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  // The binding gives the memory of an array to TensorFlow without a copy; what is computed has memory of its own.
  const computed = (name: string, inputs: readonly number[], ...attributes: readonly object[]) =>
    binding.executeOp(name, attributes, inputs, 1)[0];
  const raw =
    dtype === "F32"
      ? binding.createTensor(shape, TYPES.F32, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4))
      : binding.createTensor([...shape, 2], UINT8, bytes);
  let halves: Output | undefined;
  try {
    if (dtype === "F32") return backend.createOutputTensor(computed("DeepCopy", [raw], type("T", TYPES.F32)));
    // The binding makes no tensors of halves; pairs of bytes are taken for them.
    halves = computed("Bitcast", [raw], type("T", UINT8), type("type", TYPES[dtype]));
    const cut = { name: "Truncate", type: binding.TF_ATTR_BOOL, value: false };
    return backend.createOutputTensor(
      computed("Cast", [halves.id], type("SrcT", TYPES[dtype]), type("DstT", TYPES.F32), cut),
    );
  } finally {
    binding.deleteTensor(raw);
    if (halves) binding.deleteTensor(halves.id);
  }
}
