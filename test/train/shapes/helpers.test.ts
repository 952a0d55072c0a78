import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { pointingLoss } from "../../../src/train/shapes/answering.ts";
import { coordinatesLoss } from "../../../src/train/shapes/coordinates-loss.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { llavaDialect } from "../../../src/train/shapes/llava-tokens.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import type { PackedPicture } from "../../../src/train/shapes/question-packing.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import { patchLabels } from "../../../src/world/labels.ts";
import type { Family } from "../../../src/world/question.ts";
import { leaked } from "../../support.ts";
import { MICRO } from "../support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("pointing", () => {
  const LENGTH = 6;
  const target = (family: Family, predictorIndex: number, id: number, subject: number[]) => ({
    family,
    predictorIndex,
    id,
    subject,
    answerLength: 1,
  });
  const picture = (...targets: PackedPicture["targets"]): PackedPicture => ({ slots: [], blocks: [], targets });
  /** Two heads: the first looks as said, the second at index 0 only. [1, 2, 6, 6] */
  const attention = (rows: Record<number, number[]>) =>
    tf.tensor4d([
      [
        Array.from({ length: LENGTH }, (_, index) => rows[index] ?? [1, 0, 0, 0, 0, 0]),
        Array.from({ length: LENGTH }, () => [1, 0, 0, 0, 0, 0]),
      ],
    ]);
  const lossOf = (rows: Record<number, number[]>, ...pictures: PackedPicture[]) =>
    tf.tidy(() => pointingLoss(attention(rows), pictures, { firstCoordinate: 100 }).dataSync()[0]);

  it("is −log of the attention on the subject, at the token that predicts the answer, first head only", () => {
    const rows = { 4: [0.2, 0.25, 0.25, 0.3, 0, 0] };
    expect(lossOf(rows, picture(target("colour", 4, 7, [1, 2])))).toBeCloseTo(-Math.log(0.5), 4);
    expect(lossOf(rows, picture(target("colour", 4, 7, [3])))).toBeCloseTo(-Math.log(0.3), 4);
  });

  it("counts only the first word of an answer, and of a box only its coordinates", () => {
    const rows = { 3: [0, 0.5, 0.5, 0, 0, 0], 4: [1, 0, 0, 0, 0, 0] };
    const words = picture(target("shape", 3, 7, [1, 2]), target("shape", 4, 8, [1, 2]));
    expect(lossOf(rows, words)).toBeCloseTo(0, 4);
    const box = picture(target("grounding", 3, 100, [1, 2]), target("grounding", 4, 9, [1, 2]));
    expect(lossOf(rows, box)).toBeCloseTo(0, 4);
  });

  it("is zero where nothing that is asked about is in the picture", () => {
    expect(lossOf({}, picture(target("existence", 4, 7, [])))).toBe(0);
  });
});

describe("the coordinates loss", () => {
  const config = configOfRecipe(MICRO);
  const words = llavaDialect();
  const options = { coordinateSpread: 0.8, firstCoordinate: words.firstCoordinate };
  const scenes = scenesFrom("train", 0, 2);
  const objects = scenes.map((scene) => patchLabels(scene, 4, 4).object);
  const width = config.text.hiddenSize;

  it("random tokens lose about as much as a uniform guess among the coordinates or more", () => {
    const loss = tf.tidy(() => {
      const model = miniatureOf(config).create(initialWeights(config, randomFrom(1)));
      const visual = tf.randomNormal<tf.Rank.R3>([2, 16, width], 0, 1, "float32", 1);
      return coordinatesLoss(model, visual, scenes, objects, options).dataSync()[0];
    });
    expect(loss).toBeGreaterThan(0.8 * Math.log(101));
  });

  it("descending its gradient in the tokens makes edges readable; background tokens get none", async () => {
    expect(
      await leaked(() => {
        tf.tidy(() => {
          const model = miniatureOf(config).create(initialWeights(config, randomFrom(1)));
          const loss = (visual: tf.Tensor3D) => coordinatesLoss(model, visual, scenes, objects, options);
          const gradient = tf.grad((visual) => loss(visual as tf.Tensor3D));
          let visual = tf.randomNormal<tf.Rank.R3>([2, 16, width], 0, 1, "float32", 1);
          const before = loss(visual).dataSync()[0];
          const norms = gradient(visual).norm(2, -1).arraySync() as number[][];
          objects.forEach((list, image) => {
            list.forEach((object, patch) => {
              if (object === 0) expect(norms[image][patch]).toBe(0);
              else expect(norms[image][patch]).toBeGreaterThan(0);
            });
          });
          for (let step = 0; step < 60; step++) visual = visual.sub(gradient(visual).mul(2));
          expect(loss(visual).dataSync()[0]).toBeLessThan(0.75 * before);
        });
      }),
    ).toBe(0);
  });
});
