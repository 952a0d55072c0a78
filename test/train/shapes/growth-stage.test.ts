import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { run } from "../../../src/core/readback.ts";
import { loadModel } from "../../../src/io/load.ts";
import { none } from "../../../src/methods/none.ts";
import { disposeModel, type Vlm } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { promptIds } from "../../../src/train/shapes/dialect.ts";
import { grown } from "../../../src/train/shapes/growth-stage.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { configOfRecipe, disposeResult, finalConfig, runRecipe, stagesOf } from "../../../src/train/shapes/session.ts";
import { TESTED_BACKENDS } from "../../support.ts";
import { inFolder, MICRO_DEEP, options } from "../support.ts";

const shallow = miniatureOf(configOfRecipe(MICRO_DEEP));
const deep = miniatureOf(finalConfig(MICRO_DEEP));

it.each(TESTED_BACKENDS)("added layers keep the logits to the last bit on %s", async (backend) => {
  await useBackend(backend);
  const weights = initialWeights(shallow.config, randomFrom(1));
  const images = shallow.images(await shallow.pixelsOf(scenesFrom("train", 0, 1)));
  const prompts = [promptIds(shallow.dialect, "What shape is the red thing?")];
  const logits = async (model: Vlm) => {
    const result = await run(() => forward(model, { ...images, prompts }, none()));
    return result.logits.dataSync();
  };
  const before = await logits(shallow.create(weights));
  const more = grown(weights, deep.config, randomFrom(2));
  expect(more.size).toBeGreaterThan(weights.size);
  expect(await logits(deep.create(more))).toEqual(before);
});

it("a grown model is trained by a loss that teaches no head, and every added matrix moves", async () => {
  await useBackend("wasm");
  const stage = stagesOf(MICRO_DEEP)[2];
  const weights = grown(initialWeights(shallow.config, randomFrom(1)), deep.config, randomFrom(2));
  const prepared = await stage.prepare(0);
  const trained = [...weights].filter(([name]) => stage.trains(name));
  const { grads } = tf.engine().gradients(
    () => stage.loss(weights, prepared),
    trained.map(([, tensor]) => tensor),
    undefined,
    true,
  );
  const moving = trained.filter((_, i) => (grads[i] as tf.Tensor).abs().max().dataSync()[0] > 0);
  // What is multiplied by zero has no gradient until that has moved.
  const idle = trained.map(([name]) => name).filter((name) => !moving.some(([other]) => other === name));
  expect(idle.every((name) => /layers\.[23]\./.test(name) && !/(o_proj|down_proj)\.weight$/.test(name))).toBe(true);
  for (const layer of [2, 3])
    for (const matrix of ["self_attn.o_proj", "mlp.down_proj"])
      expect(moving.map(([name]) => name)).toContain(`language_model.model.layers.${layer}.${matrix}.weight`);
});

it("a training with a growth stage can be stopped in it, and leaves a deeper model that loads", async () => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    const first = await runRecipe(MICRO_DEEP, options(folder, { stopAfter: 7 }));
    expect([first.finished, first.progress.stage]).toEqual([false, 2]);
    const second = await runRecipe(MICRO_DEEP, options(folder, { resume: true }));
    expect(second.progress.steps.map(({ stage }) => stage).slice(-3)).toEqual(["growth", "growth", "growth"]);
    const model = loadModel(`${folder}/model`);
    expect(model.config.text.numHiddenLayers).toBe(4);
    disposeModel(model);
    disposeResult(first);
    disposeResult(second);
  });
});
