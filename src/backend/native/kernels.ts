import * as tf from "@tensorflow/tfjs";
import { groupedShape } from "../fused-attention.ts";
import type { Attribute, Metadata, NativeBinding, NativeInternals } from "./internals.ts";

/**
 * Reshape, Transpose, Slice, Concat and Mean as the native backend should do them. TensorFlow takes shapes, axes and
 * the like as tensors; the published kernels make such a tensor at each call and free it again, through the engine,
 * which in a small model takes longer than the op. Here each is made once. Mean also casts its input to what it is.
 */
export function repairNativeKernels(backend: object): void {
  const native = backend as NativeInternals;
  const { binding } = native;
  const constants = new Constants(binding);
  const attribute = (name: string, type: number, value: number | boolean): Attribute => ({ name, type, value });
  const typed = (name: string, dtype: string) => attribute(name, binding.TF_ATTR_TYPE, native.getDTypeInteger(dtype));
  const run = (op: string, attributes: readonly Attribute[], inputs: readonly number[]) =>
    native.createOutputTensor(binding.executeOp(op, attributes, inputs, 1)[0]);

  replace("Reshape", ({ inputs, attrs }) => {
    const { x } = inputs as { x: tf.TensorInfo };
    const { shape } = attrs as unknown as { shape: number[] };
    const attributes = [typed("T", x.dtype), typed("Tshape", "int32")];
    return run("Reshape", attributes, [...native.getInputTensorIds([x]), constants.integers(shape)]);
  });
  replace("Transpose", ({ inputs, attrs }) => {
    const { x } = inputs as { x: tf.TensorInfo };
    const { perm } = attrs as unknown as { perm: number[] };
    const attributes = [typed("T", x.dtype), typed("Tperm", "int32")];
    return run("Transpose", attributes, [...native.getInputTensorIds([x]), constants.integers(perm)]);
  });
  replace("Slice", ({ inputs, attrs }) => {
    const { x } = inputs as { x: tf.TensorInfo };
    const { begin, size } = attrs as unknown as { begin: number[]; size: number[] };
    const [first, count] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size);
    const attributes = [typed("T", x.dtype), typed("Index", "int32")];
    return run("Slice", attributes, [
      ...native.getInputTensorIds([x]),
      constants.integers(first),
      constants.integers(count),
    ]);
  });
  replace("Concat", ({ inputs, attrs }) => {
    const parts = Object.values(inputs) as tf.TensorInfo[];
    const { axis } = attrs as unknown as { axis: number };
    const attributes = [
      attribute("N", binding.TF_ATTR_INT, parts.length),
      typed("Tidx", "int32"),
      typed("T", parts[0].dtype),
    ];
    return run("ConcatV2", attributes, [...native.getInputTensorIds(parts), constants.integers(axis)]);
  });
  const publishedMean = tf.getKernel("Mean", "tensorflow").kernelFunc;
  replace("Mean", (call) => {
    const { x } = call.inputs as { x: tf.TensorInfo };
    if (x.dtype !== "float32") return publishedMean(call);
    const { axis, keepDims } = call.attrs as unknown as { axis: number | number[]; keepDims: boolean };
    const attributes = [
      attribute("keep_dims", binding.TF_ATTR_BOOL, keepDims ?? false),
      typed("T", x.dtype),
      typed("Tidx", "int32"),
    ];
    const axes = tf.util.parseAxisParam(axis, x.shape);
    return run("Mean", attributes, [...native.getInputTensorIds([x]), constants.integers(axes)]);
  });
  addFusedKernels(native, constants);
}

/**
 * The kernels of ../fused.ts: the ops that they are made of, one after the other, without the engine between them,
 * which takes a third of the time of a small op.
 */
function addFusedKernels(native: NativeInternals, constants: Constants): void {
  const { binding } = native;
  const float = [{ name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }];
  const index = (name: string) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 });
  /** Gives ops whose outputs are freed at the end, save that of the last. */
  const chain = (work: (op: (name: string, inputs: readonly number[], more?: Attribute[]) => number) => void) => {
    const made: Metadata[] = [];
    try {
      work((name, inputs, more = []) => {
        made.push(binding.executeOp(name, [...float, ...more], inputs, 1)[0]);
        return made[made.length - 1].id;
      });
      return native.createOutputTensor(made.pop() as Metadata);
    } finally {
      for (const { id } of made) binding.deleteTensor(id);
    }
  };
  add("RmsNorm", ({ inputs, attrs }) => {
    const { x, weight } = inputs as Record<"x" | "weight", tf.TensorInfo>;
    const [values, scale] = native.getInputTensorIds([x, weight]);
    const keepDims = { name: "keep_dims", type: binding.TF_ATTR_BOOL, value: true };
    return chain((op) => {
      const mean = op("Mean", [op("Square", [values]), constants.integers([-1])], [keepDims, index("Tidx")]);
      const factor = op("Rsqrt", [op("AddV2", [mean, constants.floats((attrs as { eps: number }).eps)])]);
      op("Mul", [op("Mul", [values, factor]), scale]);
    });
  });
  add("Rotate", ({ inputs }) => {
    const { x, cos, sin } = inputs as Record<"x" | "cos" | "sin", tf.TensorInfo>;
    const [values, c, s] = native.getInputTensorIds([x, cos, sin]);
    const half = x.shape[3] / 2;
    const signs = Array.from({ length: 2 * half }, (_, i) => (i < half ? -1 : 1));
    return chain((op) => {
      const places = [values, constants.integers([half]), constants.integers([3])];
      const turned = op("Mul", [op("Roll", places, [index("Tshift"), index("Taxis")]), constants.floats(signs)]);
      op("AddV2", [op("Mul", [values, c]), op("Mul", [turned, s])]);
    });
  });
  const attention: tf.KernelFunc = ({ inputs }) => {
    const { q, k, v, mask } = inputs as Record<"q" | "k" | "v" | "mask", tf.TensorInfo>;
    const [queries, keys, values, hidden] = native.getInputTensorIds(mask ? [q, k, v, mask] : [q, k, v]);
    const [batch, heads, rows, width] = q.shape;
    const isGrouped = heads !== k.shape[1];
    const product = (transposed: boolean) =>
      ["x", "y"].map((side) => ({
        name: `adj_${side}`,
        type: binding.TF_ATTR_BOOL,
        value: side === "y" && transposed,
      }));
    return chain((op) => {
      const shaped = (id: number, shape: readonly number[]) =>
        isGrouped ? op("Reshape", [id, constants.integers(shape)], [index("Tshape")]) : id;
      const grouped = (id: number, last: number) => shaped(id, groupedShape([batch, heads, rows, last], k.shape[1]));
      const scaled = op("Mul", [queries, constants.floats(width ** -0.5)]);
      const raw = op("BatchMatMulV2", [grouped(scaled, width), keys], product(true));
      const scores = shaped(raw, [batch, heads, rows, k.shape[2]]);
      const weights = op("Softmax", [hidden === undefined ? scores : op("AddV2", [scores, hidden])]);
      const mixed = op("BatchMatMulV2", [grouped(weights, k.shape[2]), values], product(false));
      shaped(mixed, q.shape);
    });
  };
  add("Attention", attention);
  add("MaskedAttention", attention);
}

function add(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({ kernelName, backendName: "tensorflow", kernelFunc });
}

function replace(kernelName: string, kernelFunc: tf.KernelFunc): void {
  const published = tf.getKernel(kernelName, "tensorflow");
  tf.unregisterKernel(kernelName, "tensorflow");
  tf.registerKernel({ ...published, kernelFunc });
}

/** Constants that are kept; a decoding step adds a few, because its sequence is longer than the one before. */
const MOST_CONSTANTS = 1000;

/** TensorFlow tensors of a few numbers, each made once; those that were not asked for longest go first. */
class Constants {
  private readonly ids = new Map<string, number>();

  constructor(private readonly binding: NativeBinding) {}

  /** The tensor of a list of integers, or of one without an axis. It belongs to this object, as the others do. */
  integers(values: readonly number[] | number): number {
    return this.idOf(values, this.binding.TF_INT32, Int32Array);
  }

  floats(values: readonly number[] | number): number {
    return this.idOf(values, this.binding.TF_FLOAT, Float32Array);
  }

  private idOf(
    values: readonly number[] | number,
    dtype: number,
    array: Int32ArrayConstructor | Float32ArrayConstructor,
  ): number {
    const key = `${dtype}:${values}${typeof values === "number" ? "" : ","}`;
    const list = [values].flat();
    const shape = typeof values === "number" ? [] : [list.length];
    const id = this.ids.get(key) ?? this.binding.createTensor(shape, dtype, array.from(list));
    // At the end again, so that the map is in the order of use.
    this.ids.delete(key);
    this.ids.set(key, id);
    if (this.ids.size > MOST_CONSTANTS) {
      const [[oldest, freed]] = this.ids;
      this.binding.deleteTensor(freed);
      this.ids.delete(oldest);
    }
    return id;
  }
}
