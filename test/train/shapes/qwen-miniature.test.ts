import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { noTap } from "../../../src/core/taps.ts";
import { loadVlm } from "../../../src/io/load.ts";
import { merge } from "../../../src/model/qwen2_5-vl/merger.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { buildPrompt } from "../../../src/pipeline/processor.ts";
import { boxIn, promptIds } from "../../../src/train/shapes/dialect.ts";
import { exportModel } from "../../../src/train/shapes/export.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { RECIPES } from "../../../src/train/shapes/recipe.ts";
import { configOfRecipe, disposeResult, runRecipe } from "../../../src/train/shapes/session.ts";
import { intersectionOverUnion } from "../../../src/world/geometry.ts";
import { questionRandom, questionsFor } from "../../../src/world/questions.ts";
import { firstGrid, relativeError } from "../../support.ts";
import { inFolder, inHalves, MICRO_QWEN, options } from "../support.ts";

const miniature = miniatureOf(configOfRecipe(MICRO_QWEN));
const { dialect } = miniature;
const scenes = scenesFrom("train", 0, 40);
const questions = scenes.flatMap((scene) => questionsFor(scene, questionRandom(scene)));

beforeAll(async () => {
  await useBackend("wasm");
});

it("the written tokenizer and chat template give the ids that training uses, and every word is known", () =>
  inFolder(async (folder) => {
    await exportModel(folder, miniature.config, initialWeights(miniature.config, randomFrom(1)));
    const { model, tokenizer, template } = loadVlm(folder);
    for (const question of questions) {
      const { ids } = buildPrompt(template, tokenizer, model.config.imageTokenId, question.text);
      expect(ids).toEqual(promptIds(dialect, question.text));
      const answer = dialect.answerTo(question);
      expect(tokenizer.encode(answer, false)).toEqual(dialect.of(answer));
      expect([...ids, ...dialect.of(answer)]).not.toContain(dialect.words.indexOf("<|unknown|>"));
    }
    disposeModel(model);
  }));

it("boxes are written in pixels of the picture that the model sees, off by half a pixel at most", () =>
  inFolder(async (folder) => {
    await exportModel(folder, miniature.config, initialWeights(miniature.config, randomFrom(1)));
    const { model, preprocessing } = loadVlm(folder);
    disposeModel(model);
    expect(preprocessing.boxUnitOf({ width: 480, height: 480 })).toEqual(dialect.boxUnit);
    for (const { box, answer } of questions) {
      if (!box) continue;
      const written = dialect.answerTo({ box, answer });
      expect(written).toMatch(/^\[\d+, \d+, \d+, \d+\]$/);
      const read = boxIn(dialect, written);
      expect(read && intersectionOverUnion(read, box)).toBeGreaterThan(0.85);
      for (const [i, edge] of (read ?? []).entries())
        expect(Math.abs(edge - box[i])).toBeLessThanOrEqual(0.5 / 96 + 1e-9);
    }
  }));

it("pretraining sees the tokens that the decoder gets, and patches in raster order", async () => {
  const weights = initialWeights(miniature.config, randomFrom(1));
  const pixels = await miniature.pixelsOf(scenes.slice(0, 2));
  const seen = miniature.see(weights, miniature.images(pixels));
  const model = miniature.create(weights);
  expect(seen.tokens.dataSync()).toEqual(firstGrid(model.encode(miniature.images(pixels), noTap)).features.dataSync());
  const [{ patches }] = seen.states;
  const { columns } = miniature.patches;
  for (const [row, column] of [
    [0, 0],
    [1, 3],
    [3, 2],
  ]) {
    const corner = 2 * row * columns + 2 * column;
    const four = [corner, corner + 1, corner + columns, corner + columns + 1];
    const token = merge(model.weights.at("visual.merger"), tf.gather(patches, four, 1), 4).dataSync();
    const wanted = seen.tokens.slice([0, row * miniature.cells.columns + column, 0], [-1, 1, -1]).dataSync();
    expect(relativeError(token, wanted)).toBeLessThan(1e-5);
  }
});

it("a training moves tower and merger, then merger and decoder, and leaves a folder with their weights", () =>
  inFolder(async (folder) => {
    const start = initialWeights(miniature.config, randomFrom(MICRO_QWEN.seed));
    const early = await runRecipe(MICRO_QWEN, options(folder, { stopAfter: 2 }));
    const done = await runRecipe(MICRO_QWEN, options(folder, { resume: true }));
    const { model } = loadVlm(join(folder, "model"));
    expect(model.config.family).toBe("qwen2_5_vl");
    expect([...model.tensors.keys()].sort()).toEqual([...start.keys()].sort());
    const values = (weights: ReadonlyMap<string, tf.Tensor>, name: string) => weights.get(name)?.dataSync();
    for (const name of start.keys()) {
      expect(values(model.tensors, name), name).toEqual(inHalves(values(done.weights, name) as Float32Array));
      const moved = !isDeepStrictEqual(values(start, name), values(early.weights, name));
      expect(moved, name).toBe(miniature.partOf(name) !== "decoder");
      expect(values(done.weights, name), name).not.toEqual(values(start, name));
    }
    disposeModel(model);
    disposeResult(early);
    disposeResult(done);
  }));

it("the recipe has the topology of Qwen2.5-VL", () => {
  const { patches, cells, config } = miniatureOf(configOfRecipe(RECIPES["qwen-shapes"]));
  expect([patches.rows, cells.rows, config.text.ropeSections]).toEqual([16, 8, [4, 6, 6]]);
  expect(config.text.biases).toEqual({ inputs: true, output: false, mlp: false });
});
