import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { runSync } from "../../../src/core/readback.ts";
import type { Method } from "../../../src/methods/method.ts";
import { none } from "../../../src/methods/none.ts";
import { nuwa } from "../../../src/methods/nuwa/nuwa.ts";
import { VARIANTS } from "../../../src/methods/nuwa/variants.ts";
import type { Llava } from "../../../src/model/llava/llava.ts";
import { lmHead } from "../../../src/model/transformer/decoder.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { batchOf } from "../../../src/pipeline/processor.ts";
import { type AnsweredBatch, answerLoss } from "../../../src/train/tune/calibration.ts";
import { constantsOf, freeOf } from "../../../src/train/tune/tuned-constants.ts";
import { normals, randomModel } from "../../properties/differences.ts";
import { TESTED_BACKENDS } from "../../support.ts";

describe.each(TESTED_BACKENDS)("the loss of answers on %s", (backend) => {
  let model: Llava;
  let batch: AnsweredBatch;
  const budget = { stage1: 7, stage2: 3 };
  const lossOf = (data: AnsweredBatch, method: Method) => tf.tidy(() => answerLoss(model, data, method).dataSync()[0]);

  beforeAll(async () => {
    await useBackend(backend);
    model = randomModel(3);
    const pixels = normals([2, 3, 16, 16], 1);
    const values = pixels.dataSync() as Float32Array;
    batch = {
      images: [0, 1].map((sample) => ({
        pixelValues: { shape: [3, 16, 16], values: values.subarray(sample * 768, (sample + 1) * 768) },
      })),
      prompts: [
        [5, 3, 6, 7],
        [5, 3, 8, 9, 10, 11],
      ],
      answers: [
        [12, 13, 14, 2],
        [15, 2],
      ],
    };
    pixels.dispose();
  });
  afterAll(() => disposeModel(model));
  const alone = (sample: number): AnsweredBatch => ({
    images: [batch.images[sample]],
    prompts: [batch.prompts[sample]],
    answers: [batch.answers[sample]],
  });

  it("is the cross-entropy of their tokens given those before, as one pass over question and answer has it", () => {
    const { images, prompts, answers } = alone(0);
    const expected = tf.tidy(() => {
      const fed = [[...prompts[0], ...answers[0].slice(0, -1)]];
      const { hidden } = runSync(() => forward(model, { ...batchOf(images), prompts: fed }, none()));
      const count = answers[0].length;
      const last = hidden.slice([0, hidden.shape[1] - count, 0]);
      const logs = tf.logSoftmax(lmHead(model, last)).squeeze([0]).arraySync() as number[][];
      return -answers[0].reduce((sum, id, i) => sum + logs[i][id], 0) / count;
    });
    expect(lossOf(alone(0), none())).toBeCloseTo(expected, 4);
  });

  it.each(["none", "nuwa"])("of a batch under %s is the mean of those of each answer alone", (name) => {
    const method = name === "none" ? none() : nuwa({ ...VARIANTS.official, budget, cutLayer: 2 });
    expect(lossOf(batch, method)).toBeCloseTo((lossOf(alone(0), method) + lossOf(alone(1), method)) / 2, 4);
  });

  it.each(["paper", "official"] as const)(
    "has a gradient in every constant through the straight-through selection, and the value of the hard one (%s)",
    (variant) => {
      const free = freeOf({
        distanceFraction: 0.6,
        similaritySharpness: 1.2,
        keyNormExponent: 0.5,
        pillarQuantile: 0.6,
      });
      const list = [...free.values()];
      const method = (selection: "hard" | "straight-through") =>
        nuwa({ ...VARIANTS[variant], ...constantsOf(free), budget, cutLayer: 2, selection, temperature: 0.5 });
      tf.tidy(() => {
        const loss = () => answerLoss(model, batch, method("straight-through"));
        const { value, grads } = tf.engine().gradients(loss, list, undefined, true);
        expect(value.dataSync()[0]).toBe(answerLoss(model, batch, method("hard")).dataSync()[0]);
        for (const [i, name] of [...free.keys()].entries()) {
          const [gradient] = grads[i].dataSync();
          expect(Number.isFinite(gradient) && gradient !== 0, `${name}: ${gradient}`).toBe(true);
        }
      });
      tf.dispose(list);
    },
  );
});
