import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { record } from "../../src/core/taps.ts";
import { loadModel } from "../../src/io/load.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { lmHead } from "../../src/model/transformer/decoder.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

/**
 * Made with PyTorch and transformers by test/fixtures/generate.py. `wide` is 4×7 patches, bf16, in shards, with tied
 * embeddings.
 */
const CASES = ["square", "wide"];
const AVERAGE = { ratio: 1 / 3 };

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  describe.each(CASES)("the fixture %s", (name) => {
    const want = expected(name);
    let model: Vlm;
    let pixels: tf.Tensor4D;
    const prompts = [want.integers("input_ids")];

    beforeAll(async () => {
      await useBackend(backend);
      model = loadModel(fixturePath(name));
      pixels = tf.tensor4d(want.floats("pixel_values"), [
        1,
        ...(want.shape("pixel_values") as [number, number, number]),
      ]);
    });
    afterAll(() => {
      pixels.dispose();
      disposeModel(model);
    });

    it("agrees with transformers at three depths: vision features, spliced embeddings, logits", async () => {
      const names: TapName[] = [
        "vision.features",
        "vision.cls_attention",
        "vision.key_norms",
        "projector.output",
        "llm.embeddings",
      ];
      const recorder = record(names);
      const method = createMethod("none", model.config, { average: AVERAGE });
      const result = await run(() => forward(model, { pixels, prompts }, method, recorder.tap));
      for (const tap of names) {
        const key = tap.replace("llm.embeddings", "embeddings");
        expect(relativeError(recorder.get(tap).dataSync(), want.floats(key)), tap).toBeLessThan(1e-5);
      }
      const logits = tf.tidy(() => lmHead(model, result.hidden).dataSync());
      expect(relativeError(logits, want.floats("logits")), "logits").toBeLessThan(1e-5);
      expect(await collect(model, result, 8)).toEqual(want.integers("generated"));
      recorder.dispose();
      tf.dispose(tensorsIn(result));
    });

    for (const variant of ["official", "paper"] as const) {
      for (const stage2 of ["attention", "cosine"] as const) {
        it.each(["original", "compressed", "rpme"] as const)(
          `prunes as the reference does: ${variant}, ${stage2}, %s positions`,
          async (positions) => {
            const recorder = record([
              "stage1.indices",
              "stage1.pillars",
              "stage1.weights",
              "stage1.tokens",
              "stage2.indices",
              "position_ids",
            ]);
            const method = createMethod("nuwa", model.config, { average: AVERAGE, variant, stage2, positions });
            const result = await run(() => forward(model, { pixels, prompts }, method, recorder.tap));
            const integers = (tap: TapName) => [...recorder.get(tap).dataSync()];
            expect(integers("stage1.indices")).toEqual(want.integers(`nuwa.${variant}.stage1.indices`));
            expect(integers("stage1.pillars")).toEqual(want.integers(`nuwa.${variant}.stage1.pillars`));
            expect(
              relativeError(recorder.get("stage1.weights").dataSync(), want.floats(`nuwa.${variant}.stage1.weights`)),
            ).toBeLessThan(1e-5);
            expect(
              relativeError(recorder.get("stage1.tokens").dataSync(), want.floats(`nuwa.${variant}.stage1.tokens`)),
            ).toBeLessThan(1e-5);
            const place = `nuwa.${variant}.${stage2}.${positions}`;
            expect(integers("position_ids")).toEqual(want.integers(`${place}.position_ids`));
            expect(integers("stage2.indices")).toEqual(want.integers(`${place}.stage2.indices`));
            expect(relativeError(result.logits.dataSync(), want.floats(`${place}.logits_last`))).toBeLessThan(1e-5);
            expect(await collect(model, result, 6)).toEqual(want.integers(`${place}.generated`));
            recorder.dispose();
            tf.dispose(tensorsIn(result));
          },
        );
      }
    }
  });
});

describe.each(TESTED_BACKENDS)("several images in a prompt of LLaVA-1.5, on %s", (backend) => {
  it.each(["two", "three"])("say what transformers says: %s", async (name) => {
    await useBackend(backend);
    const want = expected("square", "several.safetensors");
    const model = loadModel(fixturePath("square"));
    const all = tf.tensor4d(want.floats("pixel_values"), [3, 3, 48, 48]);
    const pixels = tf.gather(all, want.integers(`${name}.images`));
    const prompts = [want.integers(`${name}.input_ids`)];
    const result = await run(() => forward(model, { pixels, prompts }, createMethod("none", model.config)));
    expect(relativeError(result.logits.dataSync(), want.floats(`${name}.logits_last`))).toBeLessThan(1e-5);
    expect(await collect(model, result, 8)).toEqual(want.integers(`${name}.generated`));
    tf.dispose([all, pixels, ...tensorsIn(result)]);
    disposeModel(model);
  });
});

/** Greedy decoding that ignores end-of-sequence tokens, as the reference does. */
async function collect(model: Vlm, start: Parameters<typeof generate>[1], count: number): Promise<number[]> {
  const ids: number[] = [];
  for await (const [id] of generate(model, start, { maxNewTokens: count, stopTokens: [] })) ids.push(id as number);
  return ids;
}
