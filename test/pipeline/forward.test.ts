import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { recordReadbacks, replay, run, runSync, tensorsIn } from "../../src/core/readback.ts";
import { replace } from "../../src/core/taps.ts";
import { loadModel } from "../../src/io/load.ts";
import { averageTokens, enteringPerLayer, leavingPerLayer } from "../../src/methods/ledger.ts";
import type { NuwaRequest } from "../../src/methods/nuwa/definition.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

describe.each(TESTED_BACKENDS)("the forward pass on %s", (backend) => {
  const want = expected("square");
  const prompt = want.integers("input_ids");
  let model: Vlm;
  let pixels: tf.Tensor4D;
  const third = { ratio: 1 / 3 };
  const pass = (inputs: ForwardInputs, name: string, request: Partial<NuwaRequest> = {}) =>
    runSync(() => forward(model, inputs, createMethod(name, model.config, { average: third, ...request })));
  const logitsOf = (result: ForwardResult) => {
    const values = result.logits.dataSync() as Float32Array;
    tf.dispose(tensorsIn(result));
    return values;
  };

  beforeAll(async () => {
    await useBackend(backend);
    model = loadModel(fixturePath("square"));
    pixels = tf.tensor4d(want.floats("pixel_values"), [1, 3, 48, 48]);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  it.each([
    ["none", "batch.none.logits_last"],
    ["nuwa", "batch.official.logits_last"],
  ])("gives each sample of a batch what it gets alone, prompts of different lengths (%s)", (method, key) => {
    const both = tf.tensor4d(want.floats("batch.pixel_values"), [2, 3, 48, 48]);
    const prompts = [want.integers("batch.input_ids.0"), want.integers("batch.input_ids.1")];
    expect(prompts[0].length).not.toBe(prompts[1].length);
    expect(relativeError(logitsOf(pass({ pixels: both, prompts }, method)), want.floats(key))).toBeLessThan(1e-5);
    both.dispose();
  });

  it("answers text-only prompts, alone and beside one with an image", () => {
    const text = want.integers("text.input_ids");
    const alone = logitsOf(pass({ prompts: [text] }, "nuwa"));
    expect(relativeError(alone, want.floats("text.logits_last"))).toBeLessThan(1e-5);
    const mixed = logitsOf(pass({ pixels, prompts: [text, prompt] }, "nuwa"));
    expect(relativeError(mixed.subarray(0, alone.length), alone)).toBeLessThan(1e-5);
    expect(
      relativeError(mixed.subarray(alone.length), logitsOf(pass({ pixels, prompts: [prompt] }, "nuwa"))),
    ).toBeLessThan(1e-5);
  });

  it("takes one image token or as many as there are visual tokens", () => {
    const image = model.config.imageTokenId;
    const expanded = prompt.flatMap((id) => (id === image ? new Array<number>(36).fill(image) : [id]));
    expect(logitsOf(pass({ pixels, prompts: [expanded] }, "none"))).toEqual(
      logitsOf(pass({ pixels, prompts: [prompt] }, "none")),
    );
  });

  it.each(["official", "paper"] as const)(
    "equals the unpruned model to the bit when everything is kept (%s)",
    (variant) => {
      const whole = logitsOf(pass({ pixels, prompts: [prompt] }, "nuwa", { variant, average: { ratio: 1 } }));
      expect(whole).toEqual(logitsOf(pass({ pixels, prompts: [prompt] }, "none")));
    },
  );

  it("keeps a ledger that knows cells, positions, merged patches and tokens per layer", () => {
    const result = pass({ pixels, prompts: [prompt] }, "nuwa", { variant: "paper" });
    const [ledger] = result.ledgers;
    if (!ledger) throw new Error("no ledger");
    const [k, k2] = [want.integers("budget.k")[0], want.integers("budget.k2")[0]];
    expect(enteringPerLayer(ledger)).toEqual([k, k, k, k2, k2, k2]);
    expect(leavingPerLayer(ledger)).toEqual([k, k, k2, k2, k2, k2]);
    expect(averageTokens(enteringPerLayer(ledger))).toBe(12);
    expect(ledger.textTokens).toBe(prompt.length - 1);
    expect(ledger.tokens.map((token) => token.position)).toEqual(ledger.tokens.map((token) => [token.cell + 7]));
    for (const token of ledger.tokens) {
      const sum = (token.weights as Float32Array).reduce((total, weight) => total + weight, 0);
      expect(sum).toBeCloseTo(1, 5);
      if (token.pillar) expect((token.weights as Float32Array)[token.cell]).toBe(1);
    }
    tf.dispose(tensorsIn(result));
  });

  it("frees everything but its result, on success and on failure", () => {
    const before = tf.memory().numTensors;
    const result = pass({ pixels, prompts: [prompt] }, "nuwa");
    // Logits, final hidden states, and keys and values of six layers.
    expect(tf.memory().numTensors - before).toBe(2 + 2 * 6);
    tf.dispose(tensorsIn(result));
    expect(() => pass({ pixels, prompts: [[1, 2]] }, "nuwa")).toThrow(/the batch has 1 images, but the prompts hold 0/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("gives the same synchronously, asynchronously and replayed", async () => {
    const method = createMethod("nuwa", model.config, { average: third, variant: "paper" });
    const work = () => forward(model, { pixels, prompts: [prompt] }, method);
    const { result, values } = await recordReadbacks(work);
    const logits = logitsOf(result);
    expect(logitsOf(runSync(work))).toEqual(logits);
    expect(logitsOf(await run(work))).toEqual(logits);
    expect(logitsOf(replay(work, values))).toEqual(logits);
  });

  it("lets a tap change what flows: without attention to the image, the image does not matter", () => {
    const blind = replace(
      Object.fromEntries(
        Array.from({ length: 6 }, (_, layer) => [
          `llm.${layer}.attention_scores`,
          (scores: tf.Tensor) => {
            const [, , queries, keys] = scores.shape;
            const visual = Array.from({ length: keys }, (__, key) => (key >= 7 && key < 7 + 36 ? 1 : 0));
            const others = Array.from({ length: queries }, (__, query) => (query >= 7 && query < 7 + 36 ? 0 : 1));
            return scores.sub(
              tf
                .tensor2d(others, [queries, 1])
                .mul(tf.tensor2d(visual, [1, keys]))
                .mul(1e9),
            );
          },
        ]),
      ),
    );
    const method = createMethod("none", model.config, { average: third });
    const other = tf.tidy(() => pixels.mul(-1).add(0.3) as tf.Tensor4D);
    const [one, two] = [pixels, other].map((x) =>
      logitsOf(runSync(() => forward(model, { pixels: x, prompts: [prompt] }, method, blind))),
    );
    expect(one).toEqual(two);
    expect(relativeError(one, logitsOf(pass({ pixels, prompts: [prompt] }, "none")))).toBeGreaterThan(0.01);
    other.dispose();
  });

  it.each([
    [
      "no image for an image token",
      { prompts: [[1, 3, 5]] },
      /prompt 0: holds 1 image tokens \(id 3\), but the batch has no image/,
    ],
    ["two images in one prompt", { prompts: [[1, 3, 5, 3]] }, /2 image tokens/],
    ["an id that is not in the vocabulary", { prompts: [[1, 96]] }, /token id 96/],
    ["an empty prompt", { prompts: [[]] }, /no text tokens/],
  ])("refuses %s in one line", (_, inputs, message) => {
    expect(() => pass(inputs, "none")).toThrow(message);
  });
});
