import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

describe("three prompts of very different lengths", () => {
  const prompts = [
    [3, 7],
    [...new Array<number>(30).fill(5), 3, 9],
    [1, 3, ...new Array<number>(9).fill(8)],
  ];
  let model: Llava;
  let pixels: tf.Tensor4D;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
    pixels = tf.tensor4d(
      Float32Array.from({ length: 3 * 768 }, (_, i) => Math.sin(1.7 * i + i / 768)),
      [3, 3, 16, 16],
    );
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  it.each(["attention", "cosine", "random"] as const)(
    "have the logits and ledgers that each has alone (%s)",
    (stage2) => {
      const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 }, stage2 });
      const together = runSync(() => forward(model, { pixels, prompts }, method));
      prompts.forEach((prompt, sample) => {
        tf.tidy(() => {
          const own = pixels.slice([sample, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
          const alone = runSync(() => forward(model, { pixels: own, prompts: [prompt] }, method));
          const logits = together.logits.slice([sample, 0], [1, -1]).dataSync();
          expect(relativeError(logits, alone.logits.dataSync())).toBeLessThan(1e-5);
          const [mine, his] = [together.ledgers[sample], alone.ledgers[0]];
          expect(mine?.tokens.map(({ cell, position, pillar, layers }) => [cell, position, pillar, layers])).toEqual(
            his?.tokens.map(({ cell, position, pillar, layers }) => [cell, position, pillar, layers]),
          );
          mine?.tokens.forEach(({ weights }, row) => {
            expect(relativeError(weights ?? [], his?.tokens[row].weights ?? [])).toBeLessThan(1e-5);
          });
        });
      });
      tf.dispose(tensorsIn(together));
    },
  );

  it.each(["nuwa", "sparsevlm", "tome"])("share an image as if each had a copy of it (%s)", (name) => {
    const method = createMethod(name, model.config, { average: { ratio: 1 / 3 } });
    tf.tidy(() => {
      const two = pixels.slice([0, 0, 0, 0], [2, -1, -1, -1]) as tf.Tensor4D;
      const copies = tf.gather(two, [1, 0, 1]) as tf.Tensor4D;
      const withText = [...prompts, [1, 7, 9]];
      const shared = runSync(() =>
        forward(model, { pixels: two, prompts: withText, imagesOf: [[1], [0], [1], []] }, method),
      );
      const apart = runSync(() => forward(model, { pixels: copies, prompts: withText }, method));
      expect(relativeError(shared.logits.dataSync(), apart.logits.dataSync())).toBeLessThan(1e-6);
      expect(shared.ledgers).toEqual(apart.ledgers);
    });
  });

  it.each<[string, number[][], string]>([
    ["too short a list", [[0], [0]], "imagesOf: has 2 entries for 3 prompts"],
    ["an image that there is not", [[0], [1], [3]], "imagesOf: prompt 2 has 3, but there are images from 0 to 2"],
    ["half an image", [[0], [1], [0.5]], "imagesOf: prompt 2 has 0.5, but there are images from 0 to 2"],
    ["no image for a prompt with one", [[0, 2], [1], []], "imagesOf: prompt 0 has [0,2], but holds 1 images"],
    ["an image that no prompt has", [[0], [1], [1]], "imagesOf: image 2 belongs to no prompt"],
  ])("are refused with %s", (_, imagesOf, message) => {
    const method = createMethod("none", model.config, {});
    const { numTensors } = tf.memory();
    expect(() => runSync(() => forward(model, { pixels, prompts, imagesOf }, method))).toThrow(message);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it("beside text alone: decoding goes on at the right position, and the random cut asks no image of it", () => {
    const mixed = [[1, 7, 9, 11], prompts[2]];
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 }, stage2: "random" });
    tf.tidy(() => {
      const own = pixels.slice([0, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D;
      const start = runSync(() => forward(model, { pixels: own, prompts: mixed }, method));
      const next = advance(model, start.state, [[20], [21]]);
      const whole = runSync(() =>
        forward(
          model,
          {
            pixels: own,
            prompts: [
              [...mixed[0], 20],
              [...mixed[1], 21],
            ],
          },
          method,
        ),
      );
      expect(relativeError(next.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
      expect(start.ledgers[0]).toBeUndefined();
    });
  });

  it.each([-1, 40, 1.5])("refuses the token id %d", (id) => {
    const method = createMethod("none", model.config, { average: { ratio: 1 } });
    expect(() => runSync(() => forward(model, { prompts: [[1, id]] }, method))).toThrow(/not in the vocabulary of 40/);
  });

  it("needs a layer before a cut by attention", () => {
    const shallow = { ...model.config, facts: { ...model.config.facts, layers: 1 } };
    const request = { average: { ratio: 1 / 3 } };
    expect(() => createMethod("nuwa", shallow, request)).toThrow(/needs a decoder layer before the cut/);
    expect(createMethod("nuwa", shallow, { ...request, stage2: "cosine" }).cuts.has(0)).toBe(true);
  });
});
