import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { type GenerateOptions, generate, pick } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { tinyModel } from "../support-tiny.ts";

const logits = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

describe("picking a token", () => {
  it("takes the first of equal logits when greedy", () => {
    expect(pick(Float32Array.of(1, 5, 5, 2))).toBe(1);
  });

  it("divides logits by the temperature", () => {
    // Odds 4:1 become 2:1 at temperature 2: the best token has 2/3, at temperature 1 it has 4/5.
    const drawn = (temperature: number, at: number) =>
      pick(logits(0.2, 0.8), { temperature, topP: 1, random: () => at });
    expect([drawn(1, 0.79), drawn(1, 0.81)]).toEqual([1, 0]);
    expect([drawn(2, 0.66), drawn(2, 0.68)]).toEqual([1, 0]);
    expect([drawn(0.5, 0.94), drawn(0.5, 0.95)]).toEqual([1, 0]);
  });

  it("draws from the nucleus only, in proportion, the token that crosses the threshold included", () => {
    const drawn = (topP: number, at: number) =>
      pick(logits(0.1, 0.5, 0.15, 0.25), { temperature: 1, topP, random: () => at });
    // 0.5 + 0.25 reach 0.6: tokens 1 and 3, with shares 2/3 and 1/3.
    expect([drawn(0.6, 0.66), drawn(0.6, 0.67), drawn(0.6, 0.9999)]).toEqual([1, 3, 3]);
    expect([drawn(0.4, 0.9999), drawn(1, 0.9999)]).toEqual([1, 0]);
  });
});

describe("generating for a batch", () => {
  let model: Llava;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
  });
  afterAll(() => disposeModel(model));

  /** Token ids per step, from prompts of text alone. */
  const steps = async (prompts: number[][], options: GenerateOptions) => {
    const start = runSync(() =>
      forward(model, { prompts }, createMethod("none", model.config, { average: { ratio: 1 } })),
    );
    const all: (number | undefined)[][] = [];
    for await (const ids of generate(model, start, options)) all.push(ids);
    tf.dispose(tensorsIn(start));
    return all;
  };
  const PROMPTS = [[1, 7, 8, 9], [5], [1, 30, 31]];
  const free = { maxNewTokens: 6, stopTokens: [] };

  it("ends each sample where the model has no position to go on from", async () => {
    const full = model;
    model = tinyModel({ text: { max_position_embeddings: 6 } });
    try {
      // The last token's logits need no position of their own after them.
      const all = await steps(PROMPTS, { maxNewTokens: 100_000_000, stopTokens: [] });
      const counts = PROMPTS.map((_, sample) => all.filter((ids) => ids[sample] !== undefined).length);
      expect(counts).toEqual(PROMPTS.map(({ length }) => 6 - length + 1));
      const start = runSync(() => forward(model, { prompts: [[1, 2, 5, 4]] }, createMethod("none", model.config)));
      tf.dispose(tensorsIn(advance(model, start.state, [[5, 6]])));
      expect(() => advance(model, start.state, [[5, 6, 7]])).toThrow(
        /^advance: the text reaches position 7, but the model has max_position_embeddings 6\./,
      );
      expect(() => advance(model, start.state, [])).toThrow(/^advance: 1 lists of equal length/);
      tf.dispose(tensorsIn(start));
    } finally {
      disposeModel(model);
      model = full;
    }
  });

  it.each([Number.NaN, -1, 1.5, Number.NEGATIVE_INFINITY])("refuses %d new tokens", async (maxNewTokens) => {
    await expect(steps([[5]], { maxNewTokens })).rejects.toThrow(/^maxNewTokens .+ is not an integer from 0\.$/);
  });

  it.each([0, 1, 3])("makes %d new tokens, no more", async (maxNewTokens) => {
    expect(await steps([PROMPTS[0]], { ...free, maxNewTokens })).toHaveLength(maxNewTokens);
  });

  it("gives each sample what it generates alone", async () => {
    const together = await steps(PROMPTS, free);
    for (const [sample, prompt] of PROMPTS.entries())
      expect(together.map((ids) => ids[sample])).toEqual((await steps([prompt], free)).map(([id]) => id));
    expect(new Set(together.map((ids) => ids.join())).size).toBeGreaterThan(1);
    expect(together.some(([a, b]) => a !== b)).toBe(true);
  });

  it("goes on for the others when one sample has ended", async () => {
    const whole = await steps(PROMPTS, free);
    // A token that the first sample draws first, and another does not draw at all.
    const stop = whole[0][0] as number;
    const other = [1, 2].find((sample) => whole.every((ids) => ids[sample] !== stop)) as number;
    const stopped = await steps(PROMPTS, { ...free, stopTokens: [stop] });
    expect(stopped).toHaveLength(6);
    expect(stopped.map((ids) => ids[0])).toEqual(new Array(6).fill(undefined));
    expect(stopped.map((ids) => ids[other])).toEqual(whole.map((ids) => ids[other]));
  });

  it("stops at each of the model's own end-of-sequence ids unless told otherwise", async () => {
    const [[first]] = (await steps([PROMPTS[0]], free)) as [[number]];
    const start = runSync(() =>
      forward(model, { prompts: [PROMPTS[0]] }, createMethod("none", model.config, { average: { ratio: 1 } })),
    );
    const other = (first + 1) % 40;
    for (const eosTokenIds of [
      [other, first],
      [first, other],
    ]) {
      const ending = { ...model, config: { ...model.config, text: { ...model.config.text, eosTokenIds } } };
      for await (const _ of generate(ending, start, { maxNewTokens: 3 })) expect.unreachable();
    }
    tf.dispose(tensorsIn(start));
  });
});
