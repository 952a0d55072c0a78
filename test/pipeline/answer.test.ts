import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { preprocess } from "../../src/io/image.ts";
import { loadVlm, shapesWeights } from "../../src/io/load.ts";
import { none } from "../../src/methods/none.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { answer, answerPrompts } from "../../src/pipeline/answer.ts";
import { tinyModel } from "../support-tiny.ts";

it("shows a character once it is whole, in pieces that make up the text", async () => {
  await useBackend("wasm");
  const model = tinyModel();
  const texts = ["a", "a\ufffd", "aé", "aé\ufffd"];
  const decode = (ids: readonly number[]) => texts[ids.length - 1] ?? "";
  const pieces: string[] = [];
  const options = { maxNewTokens: 4, stopTokens: [], show: (piece: string) => pieces.push(piece) };
  const [{ text }] = await answerPrompts(model, { decode }, { prompts: [[1, 5]] }, none(), options);
  expect(text).toBe("aé\ufffd");
  // What is left of a character at the end is shown, too.
  expect(pieces).toEqual(["a", "é", "\ufffd"]);
  disposeModel(model);
});

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
