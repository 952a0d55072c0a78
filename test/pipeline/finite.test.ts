import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { NonFiniteError } from "../../src/core/errors.ts";
import { run, runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap, replace, type Tap } from "../../src/core/taps.ts";
import { createPruning, METHOD_NAMES } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { askedFor } from "../support-methods.ts";
import { tinyModel } from "../support-tiny.ts";

const PROMPT = [1, 2, 3, 10, 11, 12, 13];

let model: Llava;
beforeAll(async () => {
  await useBackend("wasm");
  model = tinyModel();
});
afterAll(() => disposeModel(model));

/** A picture with one value changed. */
function picture(value = 0): tf.Tensor4D {
  const [height, width] = model.config.vision.imageSize;
  const values = Float32Array.from({ length: 3 * height * width }, (_, i) => Math.sin(i));
  values[17] = value;
  return tf.tensor4d(values, [1, 3, height, width]);
}

function pruningOf(name: string) {
  return createPruning(name, model.config, { ...askedFor(name, 0.5), seed: 1 });
}

/** What a pass throws; it must leave no tensor. */
function refusal(from: Llava, method: string, { value = 0, tap = noTap }: { value?: number; tap?: Tap }): unknown {
  const pixels = picture(value);
  const before = tf.memory().numTensors;
  try {
    tf.dispose(tensorsIn(runSync(() => forward(from, { pixels, prompts: [PROMPT] }, pruningOf(method), tap))));
    return undefined;
  } catch (error) {
    return error;
  } finally {
    expect(tf.memory().numTensors).toBe(before);
    pixels.dispose();
  }
}

/** The tiny model with one value of a weight changed. */
function damaged(end: string, value: number): Llava {
  return tinyModel({}, (tensors) => {
    const [name, weight] = [...tensors].find(([one]) => one.endsWith(end)) as [string, tf.Tensor];
    const values = Float32Array.from(weight.dataSync());
    values[3] = value;
    weight.dispose();
    tensors.set(name, tf.tensor(values, weight.shape));
  });
}

describe.each(METHOD_NAMES)("under %s a pass that is not finite", (method) => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])("names a pixel that is %s", (value) => {
    const error = refusal(model, method, { value });
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(String(error)).toContain(`pixels: holds ${value}, first at value 17 of shape [1,3,16,16]`);
  });

  it.each([
    "vision_model.encoder.layers.1.mlp.fc1.weight",
    "multi_modal_projector.linear_1.weight",
    "language_model.model.layers.2.self_attn.v_proj.weight",
    "lm_head.weight",
  ])("names the weight %s", (end) => {
    const broken = damaged(end, Number.NEGATIVE_INFINITY);
    expect(String(refusal(broken, method, {}))).toMatch(
      new RegExp(`weight \\S*${end.replaceAll(".", "\\.")}: holds NaN or infinite values\\. Load`),
    );
    disposeModel(broken);
  });

  it("names the point where finite numbers became too large", () => {
    const broken = damaged("layers.3.mlp.down_proj.weight", 3e38);
    const twice = replace({ "llm.3.mlp_output": (x) => x.mul(1e38) });
    expect(String(refusal(broken, method, { tap: twice }))).toContain("llm.3.mlp_output: is the first point");
    disposeModel(broken);
  });
});

describe("a pass that is not finite", () => {
  it("names the point where a tap put NaN in", () => {
    const tap = replace({ "llm.1.attention_output": (x) => x.mul(Number.NaN) });
    expect(String(refusal(model, "nuwa", { tap }))).toContain("llm.1.attention_output: is the first point");
  });

  it.each([
    "vision.hidden_states.0",
    "vision.0.attention_output",
    "vision.0.residual",
    "vision.0.mlp_output",
    "vision.features",
    "stage1.tokens",
    "projector.output",
    "llm.embeddings",
    "llm.2.tokens",
    "llm.2.output",
    "llm.norm",
    "logits_last",
  ] as const)("names %s, not a point behind it", (name) => {
    const tap = replace({ [name]: (x: tf.Tensor) => x.mul(Number.NaN) });
    expect(String(refusal(model, "none", { tap }))).toContain(`${name}: is the first point`);
  });

  it("goes on being the method's fault where its weights are NaN", () => {
    const pixels = picture();
    const own = {
      ...createPruning("none", model.config, {}),
      name: "odd",
      *selectPatches({ features }: { features: tf.Tensor3D }) {
        yield features;
        return { cells: [[0, 1]], weights: tf.fill([1, 2, features.shape[1]], Number.NaN) };
      },
    };
    expect(() => runSync(() => forward(model, { pixels, prompts: [PROMPT] }, own as never))).toThrow(
      /method odd: selectPatches: image 0, token 0: the weight of source 0 is NaN/,
    );
    pixels.dispose();
  });

  it("is named where it arises in a decoding step: the tap, or the weight of a token", async () => {
    const broken = tinyModel({}, (tensors) => {
      const [name, rows] = [...tensors].find(([one]) => one.endsWith("embed_tokens.weight")) as [string, tf.Tensor];
      // The row of a token that is no part of the prompt.
      const values = Float32Array.from(rows.dataSync(), (x, i) =>
        Math.floor(i / (rows.shape[1] as number)) === 5 ? NaN : x,
      );
      rows.dispose();
      tensors.set(name, tf.tensor(values, rows.shape));
    });
    const odd = replace({ "llm.2.output": (x) => x.mul(Number.NaN) });
    const pixels = picture();
    for (const [from, tap, line] of [
      [model, odd, /^llm\.2\.output: is the first point/],
      [broken, noTap, /^weight \S*embed_tokens\.weight: holds NaN/],
    ] as const) {
      const before = tf.memory().numTensors;
      const start = await run(() => forward(from, { pixels, prompts: [PROMPT] }, pruningOf("nuwa")));
      // The first token is the one whose row is broken.
      const logits = tf.tensor2d([Array.from({ length: start.logits.shape[1] }, (_, id) => Number(id === 5))]);
      const said = generate(from, { ...start, logits }, { maxNewTokens: 3, stopTokens: [], tap });
      expect(await said.next()).toMatchObject({ value: [5] });
      await expect(said.next()).rejects.toThrow(line);
      tf.dispose([logits, ...tensorsIn(start)]);
      expect(tf.memory().numTensors).toBe(before);
    }
    pixels.dispose();
    disposeModel(broken);
  });

  it("does not touch a pass beside it", async () => {
    const [good, bad] = [picture(), picture(Number.NaN)];
    const pass = (pixels: tf.Tensor4D) => run(() => forward(model, { pixels, prompts: [PROMPT] }, pruningOf("nuwa")));
    const alone = await pass(good);
    const before = tf.memory().numTensors;
    const [refused, fine] = await Promise.allSettled([pass(bad), pass(good)]);
    expect(refused.status).toBe("rejected");
    if (fine.status === "rejected") throw fine.reason;
    expect([...fine.value.logits.dataSync()]).toEqual([...alone.logits.dataSync()]);
    tf.dispose(tensorsIn(fine.value));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([good, bad, ...tensorsIn(alone)]);
  });
});
