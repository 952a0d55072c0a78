import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { averageTokens, enteringPerLayer, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { POSITION_POLICIES } from "../../src/methods/nuwa/positions.ts";
import { createMethod, METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { tinyModel } from "../support-tiny.ts";

const PROMPTS = [
  [1, 7, 3, 9, 11, 20, 5],
  [1, 3, 14, 6],
];

/**
 * What every method keeps on any input is in test/properties/methods.test.ts. Here: every method with every policy, at
 * half of the tokens, and what publishes its own numbers without an average.
 */
const CASES = METHOD_NAMES.flatMap((name) =>
  POSITION_POLICIES.map((positions) => {
    const average = methodNamed(name).publishedOnly ? undefined : { tokens: 8 };
    return [name, { positions, average }] as const;
  }),
).concat(
  ["prumerge", "pyramiddrop", "dart"].map((name) => [name, { positions: "compressed", average: undefined }] as never),
);

describe.each(CASES)("%s with %j", (name, request) => {
  let model: Llava;
  let pixels: tf.Tensor4D;
  let method: Method;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
    pixels = tf.tensor4d(
      Float32Array.from({ length: 2 * 768 }, (_, i) => Math.sin(1.7 * i + i / 768)),
      [2, 3, 16, 16],
    );
    method = createMethod(name, model.config, request);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  if (request.average)
    it("meets the average to a token", () => {
      const result = runSync(() => forward(model, { pixels, prompts: PROMPTS }, method));
      const averages = result.ledgers.map((ledger) => averageTokens(enteringPerLayer(ledger as SampleLedger)));
      tf.dispose(tensorsIn(result));
      // In four layers, whole tokens and a class token make a difference of up to one token.
      for (const average of averages) expect(Math.abs(average - (name === "none" ? 16 : 8))).toBeLessThanOrEqual(1);
    });

  it("lets gradients through to the pixels", async () => {
    const sum = (result: ForwardResult) => result.logits.square().sum() as tf.Scalar;
    const found = await gradients(model, { pixels, prompts: PROMPTS }, method, sum, [pixels]);
    const values = found.gradients[0].dataSync();
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values.some((value) => value !== 0)).toBe(true);
    tf.dispose([found.value, ...found.gradients]);
  });
});
