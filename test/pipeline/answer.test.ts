import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { preprocess } from "../../src/io/image.ts";
import { loadVlm, shapesWeights } from "../../src/io/load.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { answer } from "../../src/pipeline/answer.ts";

it("answers several questions at once as one after the other, and leaves no tensor", async () => {
  await useBackend("wasm");
  const vlm = loadVlm(shapesWeights());
  const image = await preprocess("docs/images/scene.png", vlm.preprocessing);
  const ask = (method: string) =>
    answer(vlm, image, "Where is the white triangle?", { method, average: { ratio: 1 / 3 }, maxNewTokens: 6 });
  const before = tf.memory().numTensors;
  const one = [await ask("nuwa"), await ask("fastv")];
  expect(await Promise.all([ask("nuwa"), ask("fastv")])).toEqual(one);
  expect(tf.memory().numTensors).toBe(before);
  disposeModel(vlm.model);
});
