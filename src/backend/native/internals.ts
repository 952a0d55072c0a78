import type * as tf from "@tensorflow/tfjs";

/** The parts of the native backend that are used here: its own internals, whose version is pinned. */
export interface NativeInternals {
  readonly binding: NativeBinding;
  /** Asking it for a tensor of another backend brings its values here. */
  readonly tensorMap: { get(dataId: object): unknown };
  getDTypeInteger(dtype: string): number;
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(metadata: Metadata): tf.TensorInfo;
  /** Values that were not handed to TensorFlow yet, or a copy of TensorFlow's. */
  readSync(dataId: object): Float32Array | Int32Array | Uint8Array;
  /** Keeps values until an op needs them. */
  write(values: Float32Array, shape: number[], dtype: "float32"): object;
}

/** The part of it that is not JavaScript. Tensors of TensorFlow go by number. */
export interface NativeBinding {
  readonly TF_INT32: number;
  readonly TF_FLOAT: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  /** TensorFlow gets the memory of the values, without a copy. */
  createTensor(shape: readonly number[], dtype: number, values: Int32Array | Float32Array | Uint8Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Metadata[];
}

/** An attribute of an op. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean;
}

/** What the binding says of an output. */
export type Metadata = { readonly id: number };
