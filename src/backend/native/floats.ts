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
  if (dtype === "F32") {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return backend.createOutputTensor({ id: binding.createTensor(shape, TYPES.F32, values), dtype: TYPES.F32, shape });
  }
  // The binding makes no tensors of halves; pairs of bytes are taken for them without a copy.
  const raw = binding.createTensor([...shape, 2], UINT8, bytes);
  let halves: Output | undefined;
  try {
    [halves] = binding.executeOp("Bitcast", [type("T", UINT8), type("type", TYPES[dtype])], [raw], 1);
    const attributes = [
      type("SrcT", TYPES[dtype]),
      type("DstT", TYPES.F32),
      { name: "Truncate", type: binding.TF_ATTR_BOOL, value: false },
    ];
    return backend.createOutputTensor(binding.executeOp("Cast", attributes, [halves.id], 1)[0]);
  } finally {
    binding.deleteTensor(raw);
    if (halves) binding.deleteTensor(halves.id);
  }
}
