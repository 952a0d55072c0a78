import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { run } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import { none } from "../../../src/methods/none.ts";
import type { EncodedImages } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { answerLogits, softTargets } from "../../../src/train/shapes/answering.ts";
import { promptIds } from "../../../src/train/shapes/dialect.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { blockMask, packQuestions } from "../../../src/train/shapes/question-packing.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import { patchLabels } from "../../../src/world/labels.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { relativeError } from "../../support.ts";
import { MICRO, MICRO_QWEN } from "../support.ts";

const scenes = scenesFrom("train", 0, 2);
const questions = scenes.map((scene) => questionsFor(scene, questionRandom(scene), { count: 4 }));
const objects = scenes.map((scene) => patchLabels(scene, 4, 4).object);

beforeAll(async () => {
  await useBackend("wasm");
});

describe.each([MICRO, MICRO_QWEN])("a packed picture of $name", (recipe) => {
  const config = configOfRecipe(recipe);
  const miniature = miniatureOf(config);
  const { dialect } = miniature;
  const model = () => miniature.create(initialWeights(config, randomFrom(1)));
  const images = async (some = scenes) => miniature.images(await miniature.pixelsOf(some));

  async function packedPictures() {
    const [{ grids, shape }] = model()
      .encode(await images(), noTap)
      .next().value as EncodedImages[];
    const packed = questions.map((list, picture) => packQuestions(list, dialect, objects[picture], shape));
    return { features: grids[0].features, shape, packed };
  }

  it("a packed question is answered exactly as if it stood alone", async () => {
    const { features, packed } = await packedPictures();
    const own = model();
    const { logits } = answerLogits(own, own.project(features), packed);
    const rows = tf.split(logits, logits.shape[0]);
    let row = 0;
    for (const [picture, list] of questions.entries()) {
      for (const question of list) {
        const inputs = { ...(await images([scenes[picture]])), prompts: [promptIds(dialect, question.text)] };
        const alone = await run(() => forward(own, inputs, none()));
        expect(relativeError(rows[row].dataSync(), alone.logits.dataSync())).toBeLessThan(1e-4);
        row += dialect.of(dialect.answerTo(question)).length + 1;
      }
    }
    expect(row).toBe(rows.length);
  });

  it("the targets of an answer are its tokens and the end, each predicted from the token before", async () => {
    const { packed } = await packedPictures();
    for (const [picture, { slots, targets }] of packed.entries()) {
      const wanted = questions[picture].flatMap((question) => [...dialect.of(dialect.answerTo(question)), dialect.end]);
      expect(targets.map(({ id }) => id)).toEqual(wanted);
      for (const { predictorIndex, id } of targets) {
        const next = slots[predictorIndex + 1];
        if (id !== dialect.end) expect(next).toMatchObject({ kind: "text", id });
      }
    }
  });

  it("position ids of every question go on right after the picture", async () => {
    const { packed, shape } = await packedPictures();
    const after = dialect.beforePicture.length + shape.length + dialect.behindPicture.length;
    for (const { slots, blocks } of packed)
      slots.forEach((slot, index) => {
        if (blocks[index] > 0 && blocks[index] !== blocks[index - 1])
          expect(slot?.position).toEqual(shape.offsets[0].map(() => after));
        else if (blocks[index] > 0) {
          const before = slots[index - 1]?.position;
          expect(slot?.position).toEqual(before?.map((one) => one + 1));
        }
      });
  });

  it("no token sees another question, what comes later, or padding", async () => {
    const { packed } = await packedPictures();
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

  it("targets are one token, or a bell over coordinates, and their weights sum to one", async () => {
    const { packed } = await packedPictures();
    const { firstCoordinate, coordinates, words } = dialect;
    const options = { weights: recipe.language.weights, coordinateSpread: 0.8, firstCoordinate, coordinates };
    // Where a number is a coordinate in one answer, it is none in the answer to a count.
    const three = {
      predictorIndex: 0,
      id: firstCoordinate + 3,
      family: "count",
      answerLength: 2,
      subject: [],
    } as const;
    const all = [...packed.flatMap(({ targets }) => targets), three];
    const isCoordinate = ({ family, id }: (typeof all)[number]) => family === "grounding" && id >= firstCoordinate;
    const coordinate = all.findIndex(
      (target) => isCoordinate(target) && ![firstCoordinate, words.length - 1].includes(target.id),
    );
    const values = softTargets(all, words.length, options).arraySync();
    expect(values.flat().reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    values.forEach((row, i) => {
      expect(row.indexOf(Math.max(...row))).toBe(all[i].id);
      if (!isCoordinate(all[i])) expect(row.filter((value) => value > 0)).toHaveLength(1);
    });
    const { id } = all[coordinate];
    expect(values[coordinate][id - 1] / values[coordinate][id]).toBeCloseTo(Math.exp(-0.5 / 0.64), 4);
  });
});
