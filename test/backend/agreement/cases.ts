import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import type { Plain } from "./backends.ts";

/** An op as the model calls it, and the shapes that it is tried with. */
export interface OpCase {
  readonly name: string;
  /** The kernels that its values or its gradient are made by; those of the whole table are the model's own. */
  readonly kernels: readonly string[];
  readonly op: (...x: tf.Tensor[]) => tf.Tensor;
  /** Shapes of the inputs, for each run. */
  readonly shapes: readonly (readonly number[][])[];
  /** What the inputs are filled with; standard normal numbers unless given. */
  readonly value?: (z: number) => number;
  /** Whether the gradient with respect to every input is compared as well. */
  readonly differentiable: boolean;
}

/** What every op on one tensor is tried with: like ours, a single row, a single column, one number, nothing. */
const SINGLE = [[[3, 37, 32]], [[1, 4, 37, 8]], [[1, 48]], [[37, 1]], [[]], [[0, 5]]];
/** What every op on two tensors is tried with: alike, and broadcast in all the ways that occur. */
// biome-ignore format: one pair of shapes a line
const PAIRS = [
  [[3, 37, 32], [3, 37, 32]],
  [[3, 37, 32], [32]],
  [[3, 37, 32], [3, 37, 1]],
  [[2, 4, 9, 9], [2, 1, 9, 9]],
  [[1, 2, 1, 16], [1, 1, 1, 16]],
  [[3, 5, 1], [3, 1, 7]],
  [[1, 9], []],
  [[], [4, 2]],
  [[0, 5], [5]],
];
const positive = (z: number) => Math.abs(z) + 0.1;
/** Above 1e-3, where a finite step or another rounding cannot change the side. */
const awayFromZero = (z: number) => z + Math.sign(z) * 1e-3;

const unary = (name: string, kernels: string[], op: OpCase["op"], value?: OpCase["value"]): OpCase => ({
  name,
  kernels,
  op,
  shapes: SINGLE,
  value,
  differentiable: true,
});
const binary = (name: string, kernels: string[], op: OpCase["op"], value?: OpCase["value"]): OpCase => ({
  ...unary(name, kernels, op, value),
  shapes: PAIRS,
});
const other = (name: string, kernels: string[], shapes: OpCase["shapes"], op: OpCase["op"]): OpCase => ({
  name,
  kernels,
  op,
  shapes,
  differentiable: true,
});

const ELEMENTWISE: OpCase[] = [
  unary("square", ["Square", "Multiply", "Cast"], (x) => x.square()),
  unary("sqrt", ["Sqrt", "RealDiv"], (x) => x.sqrt(), positive),
  unary("rsqrt", ["Rsqrt", "Pow", "Neg", "RealDiv"], (x) => x.rsqrt(), positive),
  unary("sigmoid", ["Sigmoid", "Sub"], (x) => x.sigmoid()),
  unary("erf", ["Erf", "Exp"], (x) => tf.erf(x)),
  unary("relu", ["Relu", "Step"], (x) => tf.relu(x), awayFromZero),
  unary("neg", ["Neg"], (x) => x.neg()),
  unary("clone", ["Identity"], (x) => x.clone()),
  binary("add", ["Add", "Sum", "Reshape"], (a, b) => a.add(b)),
  binary("sub", ["Sub", "Neg"], (a, b) => a.sub(b)),
  binary("mul", ["Multiply"], (a, b) => a.mul(b)),
  binary("div", ["RealDiv", "Square"], (a, b) => a.div(b), positive),
  { ...binary("equal", ["Equal", "Cast"], (a, b) => a.equal(b.round()).toFloat(), Math.round), differentiable: false },
];

const REDUCTIONS: OpCase[] = [
  other("sum over the last axis", ["Sum", "Multiply"], [[[3, 37, 32]], [[1, 1, 1]], [[2, 0]]], (x) => x.sum(-1, true)),
  other("sum over the heads", ["Sum"], [[[3, 4, 37]], [[1, 1, 5]]], (x) => x.sum(1)),
  other("sum over two axes apart", ["Sum"], [[[3, 4, 5, 6]]], (x) => x.sum([0, 2])),
  other("sum over everything", ["Sum"], [[[3, 37, 32]], [[]], [[0]]], (x) => x.sum()),
  other("mean over the last axis", ["Mean"], [[[3, 37, 32]], [[1, 1, 1]], [[1, 4096]]], (x) => x.mean(-1, true)),
  other("mean over the heads", ["Mean"], [[[2, 4, 49]]], (x) => x.mean(1)),
  other("softmax", ["Softmax", "Multiply"], [[[2, 4, 37, 37]], [[1, 1, 1, 9]], [[3, 1]]], (x) => tf.softmax(x)),
  other(
    "addN",
    ["AddN"],
    [
      [
        [2, 9, 8],
        [2, 9, 8],
        [2, 9, 8],
      ],
      [[1, 3]],
    ],
    (...x) => tf.addN(x),
  ),
];

const int = (...values: number[]) => tf.tensor1d(values, "int32");
const SHAPES: OpCase[] = [
  other("reshape", ["Reshape"], [[[3, 37, 32]], [[1, 1, 1]], [[0, 2, 2]]], (x) =>
    x.reshape([-1, x.shape[2] as number]),
  ),
  other("expandDims", ["ExpandDims"], [[[3, 37]], [[1, 1]]], (x) => x.expandDims(2)),
  other("splitting heads", ["Transpose"], [[[3, 37, 4, 8]], [[1, 1, 2, 16]]], (x) => x.transpose([0, 2, 1, 3])),
  other("cutting patches", ["Transpose"], [[[2, 3, 4, 8, 7, 8]], [[1, 3, 1, 2, 1, 2]]], (x) =>
    x.transpose([0, 2, 4, 1, 3, 5]),
  ),
  other("transpose", ["Transpose"], [[[37, 32]], [[1, 5]], [[5, 1]], [[0, 3]]], (x) => x.transpose()),
  other("tile", ["Tile", "Slice", "ZerosLike"], [[[1, 1, 32]], [[1, 2]]], (x) =>
    tf.tile(x, [3, ...x.shape.slice(1).fill(1)]),
  ),
  other(
    "concat of tokens",
    ["Concat", "SplitV"],
    [
      [
        [3, 1, 32],
        [3, 36, 32],
      ],
      [
        [1, 1, 4],
        [1, 1, 4],
      ],
    ],
    (...x) => tf.concat(x, 1),
  ),
  other(
    "concat of caches",
    ["Concat", "SplitV"],
    [
      [
        [2, 2, 9, 16],
        [2, 2, 1, 16],
      ],
    ],
    (...x) => tf.concat(x, 2),
  ),
  other(
    "concat of halves",
    ["Concat", "SplitV"],
    [
      [
        [2, 4, 9, 8],
        [2, 4, 9, 8],
      ],
    ],
    (...x) => tf.concat(x, 3),
  ),
  other(
    "concat with an empty part",
    ["Concat"],
    [
      [
        [0, 4],
        [3, 4],
      ],
      [[2, 4]],
    ],
    (...x) => tf.concat(x, 0),
  ),
  other("slice of half the width", ["Slice", "PadV2"], [[[2, 4, 9, 16]], [[1, 1, 1, 16]]], (x) =>
    x.slice([0, 0, 0, 8], [-1, -1, -1, 8]),
  ),
  other("slice without the first token", ["Slice", "PadV2"], [[[3, 37, 32]], [[1, 1, 4]]], (x) => x.slice([0, 1, 0])),
  other("slice of one number", ["Slice", "PadV2"], [[[1, 96]]], (x) => x.slice([0, 5], [1, 1]).squeeze()),
  other("gather", ["GatherV2", "UnsortedSegmentSum"], [[[36, 32]], [[7, 1]]], (x) => tf.gather(x, int(6, 0, 3, 3, 3))),
  other("gather of one row", ["GatherV2", "UnsortedSegmentSum"], [[[1, 48]]], (x) => tf.gather(x, int(0))),
  other("gather of nothing", ["GatherV2", "UnsortedSegmentSum"], [[[4, 3]]], (x) => tf.gather(x, int())),
];

const PRODUCTS: OpCase[] = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
].map(([transposeA, transposeB]) => {
  const sides = (batch: number[], m: number, k: number, n: number) => [
    [...batch, ...(transposeA ? [k, m] : [m, k])],
    [...batch, ...(transposeB ? [n, k] : [k, n])],
  ];
  const sizes = [
    [37, 32, 64],
    [1, 48, 80],
    [9, 1, 5],
    [13, 7, 1],
    [1, 1, 1],
    [0, 3, 2],
    [3, 0, 2],
  ];
  const batched = sizes.slice(0, 4).flatMap(([m, k, n]) => [[1], [3], [2, 4]].map((batch) => sides(batch, m, k, n)));
  return other(
    `matMul${transposeA ? ", first transposed" : ""}${transposeB ? ", second transposed" : ""}`,
    ["BatchMatMul"],
    [...sizes.map(([m, k, n]) => sides([], m, k, n)), ...batched],
    (a, b) => tf.matMul(a, b, transposeA, transposeB),
  );
});

/** The agreement table: every op of the model, of the pruning and of their gradients. */
export const CASES: readonly OpCase[] = [...ELEMENTWISE, ...REDUCTIONS, ...SHAPES, ...PRODUCTS];

/** Values for tensors of the given shapes, the same for the same seed. */
export function fill(shapes: readonly number[][], seed: number, value: OpCase["value"] = (z) => z): Plain[] {
  const random = randomFrom(seed);
  return shapes.map((shape) => ({
    shape,
    dtype: "float32",
    values: Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => value(normal(random))),
  }));
}
