import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { runSync, tensorsIn } from "../../src/model/reading.ts";
import { disposeModel, type Model } from "../../src/model/weights.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/forward.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { loadModel } from "../../src/pipeline/load.ts";
import type { PositionPolicy } from "../../src/pruning/positions.ts";
import { randomFrom } from "../../src/random.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

/** A method whose selections do not depend on the prompt, so that a longer prompt is pruned alike. */
function fixed(indices: number[], keep: number[], layers: readonly number[], positions: PositionPolicy): Method {
  return {
    name: "fixed",
    positions,
    *selectPatches({ features }) {
      return { indices: Array.from({ length: features.shape[0] }, () => indices) };
    },
    cuts: new Map(
      layers.map((layer, nth) => [
        layer,
        function* ({ sequence }) {
          return sequence.map(() => keep.slice(0, keep.length - nth));
        },
      ]),
    ),
  };
}

describe.each(TESTED_BACKENDS)("decoding on %s", (backend) => {
  const want = expected("square");
  const prompts = [want.integers("batch.input_ids.0"), want.integers("batch.input_ids.1")];
  const more = [
    [11, 40, 7, 93],
    [5, 62, 62, 8],
  ];
  let model: Model;
  let pixels: tf.Tensor4D;

  beforeAll(async () => {
    await useBackend(backend);
    model = loadModel(fixturePath("square"));
    pixels = tf.tensor4d(want.floats("batch.pixel_values"), [2, 3, 48, 48]);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });

  it.each([
    ["unpruned", Array.from({ length: 36 }, (_, i) => i), [], [], "original"],
    ["pruned, original positions", [0, 3, 9, 14, 22, 30, 35], [1, 2, 5], [3], "original"],
    ["pruned, compressed positions", [0, 3, 9, 14, 22, 30, 35], [0, 6], [2], "compressed"],
    ["pruned twice inside the decoder, rpme positions", [2, 3, 9, 14, 22, 30, 34], [0, 1, 4, 5], [1, 4], "rpme"],
  ] as const)("with caches equals recomputing everything: %s", (_, indices, keep, layers, positions) => {
    const method = fixed([...indices], [...keep], layers, positions);
    let current: Parameters<typeof advance>[1] | undefined;
    const start = runSync(() => forward(model, { pixels, prompts }, method));
    current = start.state;
    for (let step = 0; step < more[0].length; step++) {
      const next = advance(
        model,
        current,
        more.map((ids) => [ids[step]]),
      );
      const longer = prompts.map((ids, sample) => [...ids, ...more[sample].slice(0, step + 1)]);
      const whole = runSync(() => forward(model, { pixels, prompts: longer }, method));
      expect(relativeError(next.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
      tf.dispose([...tensorsIn(current), ...tensorsIn(next.logits), ...tensorsIn(whole)]);
      current = next.state;
    }
    tf.dispose([...tensorsIn(current), ...tensorsIn(start)]);
  });

  it("takes several tokens at once, as the next turn of a conversation", () => {
    const method = fixed([0, 3, 9, 14], [1, 2], [3], "original");
    const start = runSync(() => forward(model, { pixels, prompts }, method));
    const turn = advance(model, start.state, more);
    const whole = runSync(() =>
      forward(model, { pixels, prompts: prompts.map((ids, i) => [...ids, ...more[i]]) }, method),
    );
    expect(relativeError(turn.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
    tf.dispose([...tensorsIn(start), ...tensorsIn(turn), ...tensorsIn(whole)]);
  });

  it("keeps longer caches before the cut than behind it", () => {
    const method = createMethod("nuwa", model.config, { average: { ratio: 1 / 3 } });
    const start = runSync(() => forward(model, { pixels, prompts: [prompts[0], prompts[0]] }, method));
    const lengths = start.state.layers.map(({ cache }) => cache.keys.shape[2]);
    expect(lengths).toEqual([34, 34, 34, 16, 16, 16]); // 13 text tokens, then 21 and 3 visual ones
    tf.dispose(tensorsIn(start));
  });

  it("draws the same with the same seed, other tokens with another, and the best one when cold", async () => {
    const sample = async (seed: number, temperature: number, topP: number) => {
      const start = runSync(() =>
        forward(model, { pixels, prompts }, createMethod("none", model.config, { average: { ratio: 1 } })),
      );
      const ids: unknown[] = [];
      const sampling = { temperature, topP, random: randomFrom(seed) };
      for await (const step of generate(model, start, { maxNewTokens: 12, sampling, stopTokens: [] })) ids.push(step);
      tf.dispose(tensorsIn(start));
      return JSON.stringify(ids);
    };
    const [one, again, other] = [await sample(1, 3, 1), await sample(1, 3, 1), await sample(2, 3, 1)];
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(await sample(1, 1e-3, 1)).toBe(await sample(2, 5, 1e-6));
  });

  it("ends a sample at a stop token, the batch when all have ended, and frees its caches either way", async () => {
    const before = tf.memory().numTensors;
    const start = runSync(() =>
      forward(model, { pixels, prompts }, createMethod("none", model.config, { average: { ratio: 1 } })),
    );
    const owned = tensorsIn(start).length;
    const steps: (number | undefined)[][] = [];
    for await (const ids of generate(model, start, { maxNewTokens: 5, stopTokens: [] })) steps.push(ids);
    expect(steps).toHaveLength(5);
    const stopped: (number | undefined)[][] = [];
    for await (const ids of generate(model, start, { maxNewTokens: 5, stopTokens: [steps[2][0] as number] }))
      stopped.push(ids);
    const firstEnd = steps.findIndex((ids) => ids[0] === steps[2][0]);
    expect(stopped.map((ids) => ids[0])).toEqual(
      Array.from({ length: stopped.length }, (_, i) => (i < firstEnd ? steps[i][0] : undefined)),
    );
    for await (const _ of generate(model, start, { maxNewTokens: 50, stopTokens: [] })) break;
    expect(tf.memory().numTensors - before).toBe(owned);
    tf.dispose(tensorsIn(start));
    expect(tf.memory().numTensors).toBe(before);
  });
});
