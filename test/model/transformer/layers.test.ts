import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { activations } from "../../../src/model/transformer/activations.ts";
import { layerNorm, linear, normalizeRows, rmsNorm } from "../../../src/model/transformer/layers.ts";
import { rotaryAngles, rotate, rotateBack } from "../../../src/model/transformer/rope.ts";
import { weightsTree } from "../../../src/model/weights.ts";
import { relativeError } from "../../support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("layers", () => {
  it("add the norm's own epsilon to the variance, inside the root", () => {
    tf.tidy(() => {
      const w = weightsTree(
        new Map([
          ["weight", tf.ones([2])],
          ["bias", tf.zeros([2])],
        ]),
      );
      // Mean 0, variance 1, so 1/√(1 + 3) = 1/2.
      expect([...layerNorm(w, tf.tensor2d([[1, -1]]), 3).dataSync()]).toEqual([0.5, -0.5]);
      expect([...rmsNorm(w, tf.tensor2d([[1, -1]]), 3).dataSync()]).toEqual([0.5, -0.5]);
    });
  });

  const parts = (named: Readonly<Record<string, tf.Tensor>>) => weightsTree(new Map(Object.entries(named)));

  it("multiply by the weight, and add the bias where there is one", () => {
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2]]);
      const weight = tf.tensor2d([
        [1, 3],
        [10, 30],
      ]);
      expect([...linear(parts({ weight }), x).dataSync()]).toEqual([7, 70]);
      expect([...linear(parts({ weight, bias: tf.tensor1d([100, 200]) }), x).dataSync()]).toEqual([107, 270]);
    });
  });

  it("norm about the mean, or about zero, then scale and shift channel by channel", () => {
    tf.tidy(() => {
      const [weight, bias] = [tf.tensor1d([2, 3]), tf.tensor1d([10, 20])];
      // Mean 4, variance 1: √(1 + 8) = 3.
      const layer = layerNorm(parts({ weight, bias }), tf.tensor2d([[3, 5]]), 8).dataSync();
      expect(relativeError(layer, [10 - 2 / 3, 20 + 3 / 3])).toBeLessThan(1e-6);
      // Mean square 25 with an epsilon of 11: 6.
      const root = rmsNorm(parts({ weight }), tf.tensor2d([[1, 7]]), 11).dataSync();
      expect(relativeError(root, [2 / 6, 21 / 6])).toBeLessThan(1e-6);
    });
  });

  it("turn each pair of a head with its own axis of the position", () => {
    tf.tidy(() => {
      const { cos } = rotaryAngles([[[1, 20, 300]]], { headDim: 8, ropeTheta: 1, ropeSections: [1, 1, 2] });
      const wanted = [1, 20, 300, 300].map(Math.cos);
      expect(relativeError(cos.dataSync(), [...wanted, ...wanted])).toBeLessThan(1e-6);
    });
  });

  it("turn back what positions turned, also where angles come with a scale", () => {
    tf.tidy(() => {
      const ropeScaling = {
        type: "yarn",
        factor: 4,
        originalPositions: 64,
        attentionFactor: 1.7,
        betaFast: 32,
        betaSlow: 1,
        truncate: true,
      } as const;
      for (const scaling of [undefined, ropeScaling]) {
        const config = { headDim: 8, ropeTheta: 100, ropeSections: [4], ropeScaling: scaling };
        const rotation = rotaryAngles([[[0], [1], [57], [901]]], config);
        const x = tf.randomNormal<tf.Rank.R4>([1, 3, 4, 8], 0, 1, "float32", 2);
        const turned = rotate(x, rotation);
        expect(relativeError(turned.dataSync(), x.dataSync())).toBeGreaterThan(0.1);
        expect(relativeError(rotateBack(turned, rotation).dataSync(), x.dataSync())).toBeLessThan(1e-6);
      }
    });
  });

  it("scale short rows to unit length too, and leave a zero row zero", () => {
    tf.tidy(() => {
      const rows = normalizeRows(
        tf.tensor2d([
          [3e-5, 4e-5],
          [0, 0],
        ]),
      ).dataSync();
      expect(relativeError(rows, [0.6, 0.8, 0, 0])).toBeLessThan(1e-5);
    });
  });

  it("have CLIP's and BERT's activations", () => {
    tf.tidy(() => {
      const x = tf.tensor1d([-2, -0.5, 0.5, 2]);
      const sigmoid = (t: number) => 1 / (1 + Math.exp(-t));
      const quick = [...x.dataSync()].map((t) => t * sigmoid(1.702 * t));
      expect(relativeError(activations.quick_gelu(x).dataSync(), quick)).toBeLessThan(1e-6);
      // x·Φ(x), from tables of the normal distribution.
      expect(
        relativeError(activations.gelu(x).dataSync(), [-0.0455003, -0.1542688, 0.3457312, 1.9544997]),
      ).toBeLessThan(1e-5);
    });
  });

  it("round rotary angles to float32 before the cosine, as PyTorch does, which is visible at large positions", () => {
    tf.tidy(() => {
      const { cos } = rotaryAngles([[[1003]]], { headDim: 8, ropeTheta: 10000, ropeSections: [4] });
      const frequency = Math.fround(1 / Math.fround(10000 ** Math.fround(2 / 8)));
      const rounded = Math.cos(Math.fround(1003 * frequency));
      expect(Math.fround(rounded)).not.toBe(Math.fround(Math.cos(1003 * frequency)));
      expect(cos.dataSync()[1]).toBe(Math.fround(rounded));
    });
  });
});
