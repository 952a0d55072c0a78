import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { run, tensorsIn } from "../../../src/core/readback.ts";
import { permutedPositions } from "../../../src/eval/run/controls.ts";
import { preprocess } from "../../../src/io/image.ts";
import { loadModel, loadProcessor, openModel } from "../../../src/io/load.ts";
import { preprocessingOf } from "../../../src/io/preprocessing.ts";
import { loadTokenizer } from "../../../src/io/tokenizer.ts";
import { none } from "../../../src/methods/none.ts";
import type { Llava } from "../../../src/model/llava/llava.ts";
import { requireLlava } from "../../../src/model/llava/llava.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { generate } from "../../../src/pipeline/generate.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { batchOf, buildPrompt } from "../../../src/pipeline/processor.ts";
import { allTokens } from "../../../src/train/shapes/llava-tokens.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { validateAnswers } from "../../../src/train/shapes/validate.ts";
import { FAMILIES, type Family } from "../../../src/world/question.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../../support.ts";

const FOLDER = fileURLToPath(new URL("../../../weights/shapes", import.meta.url));
/** Two questions on a scene of each of the families that a test looks at, and none of the others. */
const asking = (...families: Family[]) => ({
  questions: 2 * families.length,
  shares: Object.fromEntries(FAMILIES.map((one) => [one, Number(families.includes(one))])) as Record<Family, number>,
});
const want = expected("shapes");
const questions = readFileSync(fixturePath("shapes", "questions.txt"), "utf8").trim().split("\n");

it("the shipped weights take at most 24 MB", () => {
  expect(statSync(`${FOLDER}/model.safetensors`).size).toBeLessThanOrEqual(24e6);
});

it("the shipped vocabulary is the world's", () => {
  const tokenizer = loadTokenizer(FOLDER);
  expect(allTokens().map((token) => tokenizer.idOf(token))).toEqual(allTokens().map((_, id) => id));
});

it("the model without the coordinates loss loses boxes, not words, when position ids are shuffled", {
  timeout: 300_000,
}, async () => {
  await useBackend(TESTED_BACKENDS[TESTED_BACKENDS.length - 1]);
  const withoutLoss = requireLlava(loadModel(fileURLToPath(new URL("../../../weights/no-places", import.meta.url))));
  const scenes = scenesFrom("test", 0, 8);
  const asked = asking("existence", "colour", "shape", "grounding");
  const [kept, shuffled] = [none(), none(permutedPositions(1))];
  const { figures } = await validateAnswers(withoutLoss, scenes, { ...asked, method: kept });
  const { figures: lost } = await validateAnswers(withoutLoss, scenes, { ...asked, method: shuffled });
  disposeModel(withoutLoss);
  expect(figures.grounding).toBeGreaterThan(0.7);
  expect(lost.grounding).toBeLessThan(figures.grounding / 2);
  for (const family of ["existence", "colour", "shape"]) expect(lost[family], family).toBeGreaterThan(0.7);
});

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  let model: Llava;

  beforeAll(async () => {
    await useBackend(backend);
    model = requireLlava(loadModel(FOLDER));
  });
  afterAll(() => disposeModel(model));

  it("a picture and questions give transformers' pixels, ids, logits and answers", async () => {
    const spec = preprocessingOf(FOLDER, model.config);
    const image = await preprocess(fixturePath("shapes", "scene.png"), spec);
    expect(relativeError(image.pixelValues.values, want.floats("pixel_values"))).toBeLessThan(1e-6);
    const { pixels } = batchOf([image]);
    for (const [number, question] of questions.entries()) {
      const { template } = loadProcessor(openModel(FOLDER));
      const { ids } = buildPrompt(template, loadTokenizer(FOLDER), model.config.imageTokenId, question);
      expect(ids, question).toEqual(want.integers(`${number}.input_ids`));
      const result = await run(() => forward(model, { pixels, prompts: [ids] }, none()));
      expect(relativeError(result.logits.dataSync(), want.floats(`${number}.logits`)), question).toBeLessThan(1e-5);
      const written: number[] = [];
      for await (const [id] of generate(model, result, { maxNewTokens: 10 })) written.push(id as number);
      const end = model.config.text.eosTokenIds;
      expect(written, question).toEqual(want.integers(`${number}.generated`).filter((id) => !end.includes(id)));
      tf.dispose(tensorsIn(result));
    }
    pixels.dispose();
  });
});

it("the shipped model sees: it is far above chance on scenes of the test split", { timeout: 120_000 }, async () => {
  await useBackend(TESTED_BACKENDS.at(-1));
  const model = requireLlava(loadModel(FOLDER));
  const { figures } = await validateAnswers(model, scenesFrom("test", 0, 12), asking("existence", "colour", "shape"));
  disposeModel(model);
  expect(figures.existence).toBeGreaterThan(0.65);
  expect(figures.colour).toBeGreaterThan(0.5);
  expect(figures.shape).toBeGreaterThan(0.5);
});
