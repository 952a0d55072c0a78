import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { methodCases } from "../../src/laws/passes.ts";
import { factoryOf } from "../../src/laws/selecting.ts";
import { decodesFromCaches, givesIdsByPolicy, keepsSamplesApart, keepsTheLedger } from "../../src/laws/whole-pass.ts";
import { createMethod, METHODS } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { askedFor } from "../support-methods.ts";
import { OTHER_PARTS, tinyModel } from "../support-tiny.ts";

/*
 * Pruning, ledger and gradients on models that are made of other parts than LLaVA-1.5 is. That these say what
 * transformers says is compared in reference-configs.test.ts.
 */

/** By what they differ in. */
const MODELS = {
  "SigLIP, two feature layers and Qwen2": OTHER_PARTS,
  "biases, a window and frequencies of the length": {
    vision: { hidden_act: "gelu_pytorch_tanh" },
    text: {
      attention_bias: true,
      mlp_bias: true,
      hidden_act: "relu",
      max_position_embeddings: 14,
      rope_scaling: { type: "dynamic", factor: 8 },
    },
  },
};

describe.each(Object.entries(MODELS))("a model with %s", (name, parts) => {
  let model: Llava;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel(parts);
    if (name.includes("window"))
      model = { ...model, config: { ...model.config, text: { ...model.config.text, slidingWindow: 6 } } };
  });
  afterAll(() => disposeModel(model));

  const offered = (needs: readonly string[] = []) =>
    needs.every((need) => model.config.facts.capabilities.some((one) => one === need));

  it("keeps the laws of whole passes with every method that it offers enough", () => {
    // The largest grid, because SigLIP sees squares.
    const cases = methodCases.filter(({ which }) => which === 0);
    const [input] = fc.sample(cases, { seed: 12, numRuns: 1 });
    for (const definition of METHODS) {
      const { name: method } = definition;
      const made = factoryOf(definition)(model.config, { ...input.asked, seed: input.seed });
      if (!offered(made.needs)) continue;
      for (const law of [keepsTheLedger, keepsSamplesApart, givesIdsByPolicy])
        expect(() => law(model, made, input), `${method}: ${law.name}`).not.toThrow();
    }
  });

  it("lets gradients reach every weight that the logit depends on", async () => {
    const names = [...model.tensors.keys()];
    const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, 16, 16], 0, 1, "float32", 5);
    const method = createMethod("nuwa", model.config, { average: { ratio: 0.5 } });
    const inputs = { pixels, prompts: [[1, 3, 5, 7]] };
    const of = names.map((one) => model.tensors.get(one) as tf.Tensor);
    const logit = ({ logits }: { logits: tf.Tensor }) => logits.flatten().slice([7], [1]).squeeze() as tf.Scalar;
    const { gradients: found, value } = await gradients(model, inputs, method, logit, of);
    expect(names.filter((_, i) => !found[i].dataSync().every(Number.isFinite))).toEqual([]);
    const zero = names.filter((_, i) => found[i].dataSync().every((v) => v === 0));
    // A key bias shifts all scores of a row alike; the last block of the tower is behind the features of LLaVA-1.5.
    const unreached = (one: string) => one.includes("vision") && one.includes("layers.2.") && !name.includes("SigLIP");
    const rotated = (one: string) => /vision.*k_proj\.bias$/.test(one);
    expect(zero.filter((one) => !unreached(one) && !rotated(one))).toEqual([]);
    tf.dispose([value, pixels, ...found]);
  });

  it("decodes from caches what it says to the whole text", () => {
    // Where frequencies are those of the length, keys in a cache stay turned as they were, as in transformers.
    if (model.config.text.ropeScaling?.type === "dynamic") return;
    const cases = methodCases.filter(({ which }) => which === 0);
    const [input] = fc.sample(cases, { seed: 13, numRuns: 1 });
    const method = createMethod("nuwa", model.config, input.asked);
    expect(() => decodesFromCaches(model, method, input)).not.toThrow();
  });

  it("says which methods it lacks something for", () => {
    for (const { name: method } of METHODS) {
      const made = createMethod(method, model.config, askedFor(method, 0.5));
      if (offered(made.needs)) continue;
      const pixels = tf.zeros<tf.Rank.R4>([1, 3, 16, 16]);
      expect(method).toBe("tome");
      expect(() => forward(model, { pixels, prompts: [[3, 1]] }, made).next()).toThrow(
        "method tome needs merging, which this model of the family llava does not offer.",
      );
      pixels.dispose();
    }
  });
});
