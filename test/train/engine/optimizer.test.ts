import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { adamW, createTrainState, decayMask, disposeTrainState, unpack } from "../../../src/train/engine/optimizer.ts";
import { leaked } from "../../support.ts";

const OPTIONS = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1e9 };

/** AdamW as in Algorithm 2 of the paper, one number at a time. */
function reference(x: number, gradients: readonly number[], rate: number, decay: number): number {
  let [m, v] = [0, 0];
  gradients.forEach((g, i) => {
    m = 0.9 * m + 0.1 * g;
    v = 0.98 * v + 0.02 * g * g;
    const step = m / (1 - 0.9 ** (i + 1)) / (Math.sqrt(v / (1 - 0.98 ** (i + 1))) + 1e-8);
    x -= rate * (step + decay * x);
  });
  return x;
}

beforeAll(async () => {
  await useBackend("wasm");
});

describe("adamW", () => {
  const tensors = () =>
    new Map<string, tf.Tensor>([
      ["linear.weight", tf.tensor2d([1, -2], [1, 2])],
      ["norm.weight", tf.tensor1d([3])],
      ["language_model.model.embed_tokens.weight", tf.tensor2d([4], [1, 1])],
    ]);

  it("follows the algorithm of the paper and decays matrices only", () => {
    const history = [
      [0.5, -1, 2, 0.1],
      [0.25, 3, -2, 0.2],
      [-1, 0.1, 0.5, -0.3],
    ];
    let state = createTrainState(tensors());
    const decays = decayMask(state.entries);
    for (const gradient of history) state = adamW(state, tf.tensor1d(gradient), 0.01, decays, OPTIONS).state;
    const wanted = [1, -2, 3, 4].map((x, i) =>
      reference(
        x,
        history.map((gradient) => gradient[i]),
        0.01,
        i < 2 ? 0.1 : 0,
      ),
    );
    [...state.parameters.dataSync()].forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i], 5);
    });
  });

  it("scales a gradient that is too long down to the allowed norm", () => {
    const state = createTrainState(tensors());
    const decays = decayMask(state.entries);
    const { state: next, gradientNorm } = adamW(state, tf.tensor1d([3, 0, 4, 0]), 0.01, decays, {
      ...OPTIONS,
      clipNorm: 1,
    });
    expect(gradientNorm.dataSync()[0]).toBeCloseTo(5);
    [0.06, 0, 0.08, 0].forEach((wanted, i) => {
      expect(next.first.dataSync()[i]).toBeCloseTo(wanted, 5);
    });
  });

  it("leaves behind only the new state and the norm", async () => {
    const state = createTrainState(tensors());
    const decays = decayMask(state.entries);
    const gradient = tf.tensor1d([1, 1, 1, 1]);
    const left = await leaked(() => {
      const { state: next, gradientNorm } = adamW(state, gradient, 0.01, decays, OPTIONS);
      disposeTrainState(next);
      gradientNorm.dispose();
    });
    expect(left).toBe(0);
  });
});

it("tensors come out of the flat vector as they went in", () => {
  const original = new Map<string, tf.Tensor>([
    ["a", tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])],
    ["b", tf.tensor1d([7])],
  ]);
  const state = createTrainState(original);
  const back = unpack(state.entries, state.parameters);
  for (const [name, tensor] of original) {
    expect(back.get(name)?.shape).toEqual(tensor.shape);
    expect(back.get(name)?.dataSync()).toEqual(tensor.dataSync());
  }
});
