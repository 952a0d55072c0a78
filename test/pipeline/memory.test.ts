import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { replace } from "../../src/core/taps.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import type { ForwardResult } from "../../src/pipeline/prefill.ts";
import { tinyModel } from "../support-tiny.ts";

describe("gradients of a number that cannot be computed", () => {
  let model: Llava;
  let pixels: tf.Tensor4D;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
    pixels = tf.ones([1, 3, 16, 16]);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  it("leave no tensor behind when the caller's function throws", async () => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 } });
    const before = tf.memory().numTensors;
    const fails = () => {
      throw new Error("no such logit");
    };
    await expect(gradients(model, { pixels, prompts: [[1, 3, 5]] }, method, fails, [pixels])).rejects.toThrow(
      "no such logit",
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it("leave no tensor behind when a tap throws in the pass on the tape, which is the second one", async () => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 } });
    const before = tf.memory().numTensors;
    let passes = 0;
    const tap = replace({
      "llm.norm": (x) => {
        if (++passes === 2) throw new Error("no such point");
        return x;
      },
    });
    const scalar = ({ logits }: ForwardResult) => logits.sum() as tf.Scalar;
    const inputs = { pixels, prompts: [[1, 3, 5]] };
    await expect(gradients(model, inputs, method, scalar, [pixels], tap)).rejects.toThrow("no such point");
    expect(tf.memory().numTensors).toBe(before);
  });
});
