import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { visualSlots } from "../../src/model/transformer/sequence.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { advance, truncate } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import type { DecodeState } from "../../src/pipeline/state.ts";
import { leaked } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

/** Two samples with an image, of different lengths, and one without. */
const PROMPTS = [
  [1, 7, 3, 9, 11, 20, 5],
  [1, 3, 14, 6],
  [1, 9],
];

describe("what a method takes out of earlier caches", () => {
  let model: Llava;
  let pixels: tf.Tensor4D;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
    pixels = tf.randomNormal([2, 3, 16, 16], 0, 1, "float32", 3);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });
  const pass = (method: Method, prompts = PROMPTS, images = pixels) =>
    runSync(() => forward(model, { pixels: images, prompts }, method));
  const pruned = () => createMethod("ivcprune", model.config);
  const kept = (): Method => ({ ...pruned(), cachesBeforeCuts: undefined });
  /** For each layer and sample the visual tokens in its cache, by row, and how many tokens it holds. */
  const held = ({ layers }: DecodeState) =>
    layers.map(({ cache, sequence }) => [
      visualSlots(sequence).map((slots) => slots.map(({ row }) => row)),
      cache.keys.shape[2],
      cache.values.shape[2],
    ]);

  it("is gone from every layer, the first one, too, when the first token is decoded", () => {
    tf.tidy(() => {
      const start = pass(pruned());
      const before = held(start.state);
      expect(before[0][0]).toEqual([Array.from({ length: 16 }, (_, row) => row), [...new Array(16).keys()], []]);
      const turn = advance(model, start.state, [[4], [5], [6]]);
      const layers = held(turn.state);
      expect(new Set(layers.map(String)).size).toBe(1);
      expect(layers[0][0]).toEqual(before[before.length - 1][0]);
      expect(turn.state.unseen).toBeUndefined();
      // The state of the prefill stays as it was.
      expect(held(start.state)).toEqual(before);
    });
  });

  it("changes what is decoded, not what the prompt says", () => {
    tf.tidy(() => {
      const [one, two] = [pass(pruned()), pass(kept())];
      expect([...one.logits.dataSync()]).toEqual([...two.logits.dataSync()]);
      expect(two.state.unseen).toBeUndefined();
      const [with1, with2] = [one, two].map(({ state }) => advance(model, state, [[4], [5], [6]]).logits.dataSync());
      expect([...with1.slice(0, 40)]).not.toEqual([...with2.slice(0, 40)]);
      // A sample without an image is not concerned.
      with1.slice(80).forEach((logit, i) => {
        expect(logit).toBeCloseTo(with2[80 + i], 5);
      });
    });
  });

  it("is gone also after tokens of the prompt were taken back", () => {
    tf.tidy(() => {
      const { state } = pass(pruned(), [PROMPTS[0]], pixels.slice([0], [1]));
      const shorter = truncate(state, 1);
      expect(shorter.unseen).toEqual(state.unseen);
      const layers = held(advance(model, shorter, [[4]]).state);
      expect(new Set(layers.map(String)).size).toBe(1);
    });
  });

  it("leaves no tensor behind but the caches", async () => {
    const left = await leaked(() => {
      const start = pass(pruned());
      const turn = advance(model, start.state, [[4], [5], [6]]);
      tf.dispose(tensorsIn([start, turn]));
    });
    expect(left).toBe(0);
  });
});
