import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { run } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import { none } from "../../../src/methods/none.ts";
import { createModel } from "../../../src/model/llava/llava.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { answerLogits, softTargets } from "../../../src/train/shapes/answering.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { pixelsOf, pixelTensor, scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { blockMask, packQuestions } from "../../../src/train/shapes/question-packing.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import { promptIds, wordIds } from "../../../src/train/shapes/tokens.ts";
import { patchLabels } from "../../../src/world/labels.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { firstGrid, relativeError } from "../../support.ts";
import { MICRO } from "../support.ts";

const config = configOfRecipe(MICRO);
const words = wordIds();
const scenes = scenesFrom("train", 0, 2);
const questions = scenes.map((scene) => questionsFor(scene, questionRandom(scene), { count: 4 }));
const objects = scenes.map((scene) => patchLabels(scene, 4, 4).object);
const packed = questions.map((list, picture) => packQuestions(list, words, objects[picture]));

beforeAll(async () => {
  await useBackend("wasm");
});

it("a packed question is answered exactly as if it stood alone", async () => {
  const model = createModel(config, initialWeights(config, randomFrom(1)));
  const pixels = pixelTensor(await pixelsOf(scenes, 32), 32);
  const { logits } = answerLogits(model, model.project(firstGrid(model.encode({ pixels }, noTap)).features), packed);
  const rows = tf.split(logits, logits.shape[0]);
  let row = 0;
  for (const [picture, list] of questions.entries()) {
    for (const { text, answer } of list) {
      const alone = await run(() =>
        forward(
          model,
          { pixels: pixels.slice([picture], [1]) as tf.Tensor4D, prompts: [promptIds(words, text)] },
          none(),
        ),
      );
      expect(relativeError(rows[row].dataSync(), alone.logits.dataSync())).toBeLessThan(1e-4);
      row += words.of(answer).length + 1;
    }
  }
  expect(row).toBe(rows.length);
});

it("the targets of an answer are its tokens and the end, each predicted from the token before", () => {
  for (const [picture, { slots, targets }] of packed.entries()) {
    const wanted = questions[picture].flatMap(({ answer }) => [...words.of(answer), 2]);
    expect(targets.map(({ id }) => id)).toEqual(wanted);
    for (const { predictorIndex, id } of targets) {
      const next = slots[predictorIndex + 1];
      if (id !== 2) expect(next).toMatchObject({ kind: "text", id });
    }
  }
});

it("no token sees another question, what comes later, or padding", () => {
  const length = Math.max(...packed.map(({ slots }) => slots.length)) + 1;
  const mask = blockMask(packed, length);
  packed.forEach(({ blocks }, picture) => {
    for (let query = 0; query < length; query++) {
      for (let key = 0; key < length; key++) {
        const [own, other] = [blocks[query], blocks[key]];
        const inside = query < blocks.length && key <= query && (other === 0 || other === own);
        const seen = mask[(picture * length + query) * length + key] === 0;
        expect(seen).toBe(inside || (query >= blocks.length && key === query));
      }
    }
  });
});

it("position ids of every question go on right after the picture", () => {
  for (const { slots, blocks } of packed) {
    slots.forEach((slot, index) => {
      if (index === 0 || blocks[index] !== blocks[index - 1]) return;
      expect(slot?.position).toEqual([(slots[index - 1]?.position[0] ?? 0) + 1]);
    });
    slots.forEach((slot, index) => {
      if (blocks[index] > 0 && blocks[index] !== blocks[index - 1]) expect(slot?.position).toEqual([2 + 16]);
    });
  }
});

it("targets are one token, or a bell over coordinates, and their weights sum to one", () => {
  const options = { weights: MICRO.language.weights, coordinateSpread: 0.8, firstCoordinate: words.firstCoordinate };
  const all = packed.flatMap(({ targets }) => targets);
  const coordinate = all.findIndex(({ id }) => id > words.firstCoordinate && id < words.size - 1);
  const values = softTargets(all, words.size, options).arraySync();
  expect(values.flat().reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
  values.forEach((row, i) => {
    expect(row.indexOf(Math.max(...row))).toBe(all[i].id);
    if (all[i].id < words.firstCoordinate) expect(row.filter((value) => value > 0)).toHaveLength(1);
  });
  if (coordinate >= 0) {
    const { id } = all[coordinate];
    expect(values[coordinate][id - 1] / values[coordinate][id]).toBeCloseTo(Math.exp(-0.5 / 0.64), 4);
  }
});
