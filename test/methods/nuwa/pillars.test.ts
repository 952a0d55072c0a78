import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { pillarScores } from "../../../src/methods/nuwa/pillars.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("what pillars are chosen by", () => {
  it.each([
    { score: "salience", wanted: [7, 8] },
    { score: "key-norm", wanted: [1, 2] },
    { score: "feature-norm", wanted: [5, 13] },
  ] as const)("is $wanted by $score", ({ score, wanted }) => {
    const values = tf.tidy(() => {
      const features = tf.tensor3d([
        [
          [3, -4],
          [5, 12],
        ],
      ]);
      const [keyNorms, salience] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[7, 8]])];
      return pillarScores({ features, keyNorms }, salience, score).arraySync()[0];
    });
    expect(values).toEqual(wanted);
  });
});
