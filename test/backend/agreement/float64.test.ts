import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../../src/backend/select.ts";
import type { Sequence, Slot } from "../../../src/core/slots.ts";
import { noTap } from "../../../src/core/taps.ts";
import { aggregationWeights } from "../../../src/methods/nuwa/aggregation.ts";
import { cosineToText } from "../../../src/methods/nuwa/textguided.ts";
import { activations } from "../../../src/model/transformer/activations.ts";
import { attend } from "../../../src/model/transformer/attention.ts";
import { gatherRows, layerNorm, linear, normalizeRows, rmsNorm } from "../../../src/model/transformer/layers.ts";
import { rotaryAngles, rotate } from "../../../src/model/transformer/rope.ts";
import { causalMask } from "../../../src/model/transformer/sequence.ts";
import { weightsTree } from "../../../src/model/weights.ts";
import { COMPARED, distance, on, onDevice } from "./backends.ts";
import { fill } from "./cases.ts";
import * as exact from "./float64.ts";

/** A building block of the model and the same in float64. */
interface Block {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly block: (...x: tf.Tensor[]) => tf.Tensor;
  readonly exact: (...x: exact.Numbers[]) => exact.Numbers;
}

/** Relative to the largest number. Measured: values within 1.2e-7, gradients within 7.4e-7. */
const VALUES = 5e-7;
const GRADIENTS = 2e-6;

const weights = (weight: tf.Tensor, bias?: tf.Tensor) =>
  weightsTree(new Map(Object.entries({ weight, ...(bias && { bias }) })));
const visual: Slot = { kind: "visual", image: 0, row: 0, cell: 0, position: [0] };
const text: Slot = { kind: "text", id: 1, position: [0] };
/** Two visual tokens, three of text after them, one of padding. */
const sequence: Sequence = [[text, visual, visual, text, text, text, null]];
const grid = { rows: 2, columns: 4 };
const anchors = { indices: [[0, 2, 5]], pillars: [[true, false, false]] };
const setting = { width: 6, columns: 4, indices: [0, 2, 5], pillars: [true, false, false], threshold: 2.5 };
const heads = { heads: 4, keyValueHeads: 2, width: 6 };

const BLOCKS: readonly Block[] = [
  {
    name: "a linear layer",
    shapes: [[2, 3, 9], [5, 9], [5]],
    block: (x, w, b) => linear(weights(w, b), x),
    exact: exact.linear,
  },
  {
    name: "LayerNorm",
    shapes: [[2, 3, 9], [9], [9]],
    block: (x, w, b) => layerNorm(weights(w, b), x, 1e-5),
    exact: (x, w, b) => exact.layerNorm(x, w, b, 1e-5),
  },
  {
    name: "RMSNorm",
    shapes: [[2, 3, 9], [9]],
    block: (x, w) => rmsNorm(weights(w), x, 1e-5),
    exact: (x, w) => exact.rmsNorm(x, w, 1e-5),
  },
  { name: "quick GELU", shapes: [[25]], block: activations.quick_gelu, exact: exact.quickGelu },
  { name: "GELU", shapes: [[25]], block: activations.gelu, exact: exact.gelu },
  { name: "SiLU", shapes: [[25]], block: activations.silu, exact: exact.silu },
  {
    name: "rows of unit length",
    shapes: [[2, 3, 9]],
    block: normalizeRows,
    exact: (x) => exact.normalizeRows(x, 9),
  },
  {
    name: "rows that are gathered, one of them twice",
    shapes: [[1, 5, 3]],
    block: (x) => gatherRows(x, [[4, 0, 0, 3]]),
    exact: (x) => [4, 0, 0, 3].flatMap((row) => exact.rowsOf(x, 3)[row]),
  },
  {
    name: "rotary positions",
    shapes: [[1, 2, 3, 8]],
    block: (x) =>
      rotate(x as tf.Tensor4D, rotaryAngles([[[0], [3], [700]]], { headDim: 8, ropeTheta: 10000, ropeSections: [4] })),
    exact: (x) => exact.rotate(x, [0, 3, 700], 8, 10000),
  },
  {
    name: "grouped attention under a causal mask with padding",
    shapes: [
      [1, 4, 3, 6],
      [1, 2, 7, 6],
      [1, 2, 7, 6],
    ],
    block: (...qkv) => {
      const [q, k, v] = qkv as tf.Tensor4D[];
      return attend(q, k, v, causalMask(sequence, 3)?.(), noTap, "llm.0").output;
    },
    exact: (...qkv) => exact.attention(qkv, heads, (query, key) => key <= 4 + query && key < 6),
  },
  ...(["sum-to-one", "self-overwritten"] as const).map((normalisation) => ({
    name: `aggregation weights (${normalisation})`,
    shapes: [[1, 8, 6]],
    block: (x: tf.Tensor) => aggregationWeights(x as tf.Tensor3D, anchors, grid, 2.5, normalisation, noTap),
    exact: (x: exact.Numbers) =>
      exact.aggregation(x, { ...setting, overwriteSelf: normalisation === "self-overwritten" }),
  })),
  {
    name: "likeness to the text after the image",
    shapes: [[1, 7, 9]],
    block: (x) => cosineToText(x as tf.Tensor3D, sequence),
    exact: (x) => exact.cosineToMean(x, 9, [3, 4, 5]),
  },
];

const backends: { name: BackendName; title: string; absent: boolean }[] = [
  ...COMPARED,
  { name: "cpu", title: "cpu", absent: false },
];

describe.each(backends.map((entry) => [entry.title, entry] as const))("%s against float64", (_, { name, absent }) => {
  it.skipIf(absent).each(BLOCKS.map((block) => [block.name, block] as const))("computes %s", async (__, one) => {
    const inputs = fill(one.shapes, 3);
    const [y] = await on(name, () => [one.block(...inputs.map(onDevice))]);
    const wanted = Float64Array.from(one.exact(...inputs.map(({ values }) => values)));
    expect(distance(y, { ...y, values: wanted })).toBeLessThan(VALUES);
  });

  it.skipIf(absent).each(BLOCKS.map((block) => [block.name, block] as const))("differentiates %s", async (__, one) => {
    const inputs = fill(one.shapes, 3);
    const values = inputs.map((input) => input.values);
    const [y] = await on(name, () => [one.block(...inputs.map(onDevice))]);
    const [dy] = fill([y.shape], 4);
    const found = await on(name, () => tf.grads(one.block)(inputs.map(onDevice), onDevice(dy)));
    const wanted = exact.finiteDifferences(one.exact, values, dy.values);
    expect(found).toHaveLength(wanted.length);
    found.forEach((gradient, i) => {
      expect(distance(gradient, { ...inputs[i], values: Float64Array.from(wanted[i]) })).toBeLessThan(GRADIENTS);
    });
  });
});
