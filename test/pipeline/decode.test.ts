import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { randomFrom } from "../../src/core/random-numbers.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { Sequence } from "../../src/core/slots.ts";
import { loadModel } from "../../src/io/load.ts";
import { enteringPerLayer, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../../src/methods/nuwa/positions.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { indicesOf } from "../../src/model/transformer/sequence.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { generate } from "../../src/pipeline/generate.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { expected, fixturePath, relativeError, TESTED_BACKENDS } from "../support.ts";

/** A method whose selections do not depend on the prompt, so that a longer prompt is pruned alike. */
interface Fixed {
  readonly cells: readonly number[];
  readonly keep?: readonly number[];
  readonly layers?: readonly number[];
  readonly positions: PositionPolicy;
  readonly idsAfterCut?: Method["idsAfterCut"];
  /** Whether each cut also makes a token out of its first two. */
  readonly makes?: boolean;
}

function fixed({ cells, keep = [], layers = [], positions, idsAfterCut = "kept", makes = false }: Fixed): Method {
  return {
    name: "fixed",
    positions,
    idsAfterCut,
    *selectPatches({ features }) {
      return { cells: Array.from({ length: features.shape[0] }, () => cells) };
    },
    cuts: new Map(
      layers.map((layer, nth) => [
        layer,
        function* ({ sequence }) {
          const added = makes ? { weights: meanOfFirstTwo(sequence), counts: sequence.map(() => 1) } : undefined;
          // Ranks count what is left: a later cut takes the first of them.
          const ranks = nth === 0 ? keep : keep.slice(nth).map((_, rank) => rank);
          return { keep: sequence.map(() => ranks), added };
        },
      ]),
    ),
  };
}

function meanOfFirstTwo(sequence: Sequence): tf.Tensor3D {
  const rows = sequence.map((slots) => {
    const [first, second] = indicesOf(slots, "visual");
    return [slots.map((_, place) => (place === first || place === second ? 0.5 : 0))];
  });
  return tf.tensor3d(rows);
}

const SEVEN = [0, 3, 9, 14, 22, 30, 35];

describe.each(TESTED_BACKENDS)("decoding on %s", (backend) => {
  const want = expected("square");
  const prompts = [want.integers("batch.input_ids.0"), want.integers("batch.input_ids.1")];
  const more = [
    [11, 40, 7, 93],
    [5, 62, 62, 8],
  ];
  let model: Vlm;
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

  it.each<[string, Fixed]>([
    ["unpruned", { cells: Array.from({ length: 36 }, (_, i) => i), positions: "original" }],
    ["pruned, original positions", { cells: SEVEN, keep: [1, 2, 5], layers: [3], positions: "original" }],
    ["pruned, compressed positions", { cells: SEVEN, keep: [0, 6], layers: [2], positions: "compressed" }],
    [
      "pruned twice inside the decoder, rpme positions",
      { cells: [2, 3, 9, 14, 22, 30, 34], keep: [0, 1, 4, 5], layers: [1, 4], positions: "rpme" },
    ],
    [
      "ids given anew after each cut, so that the text goes on at another id in each part of the decoder",
      { cells: SEVEN, keep: [0, 3, 4, 5], layers: [1, 4], positions: "compressed", idsAfterCut: "anew" },
    ],
    ...POSITION_POLICIES.map((positions): [string, Fixed] => [
      `tokens out of order and without a cell, others made in the decoder, ${positions} positions given anew`,
      { cells: [-1, 30, 3, 9, -1], keep: [0, 1, 3], layers: [2, 3], positions, idsAfterCut: "anew", makes: true },
    ]),
  ])("with caches equals recomputing everything: %s", (_, choices) => {
    const method = fixed(choices);
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
    const method = fixed({ cells: [0, 3, 9, 14], keep: [1, 2], layers: [3], positions: "original" });
    const start = runSync(() => forward(model, { pixels, prompts }, method));
    const turn = advance(model, start.state, more);
    const whole = runSync(() =>
      forward(model, { pixels, prompts: prompts.map((ids, i) => [...ids, ...more[i]]) }, method),
    );
    expect(relativeError(turn.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
    tf.dispose([...tensorsIn(start), ...tensorsIn(turn), ...tensorsIn(whole)]);
  });

  it("knows in its ledger what a token made in the decoder is made of, and when it came and went", () => {
    const method = fixed({
      cells: [-1, 30, 3, 9],
      keep: [0, 1],
      layers: [2, 4],
      positions: "compressed",
      idsAfterCut: "anew",
      makes: true,
    });
    const result = runSync(() => forward(model, { pixels, prompts }, method));
    const tokens = result.ledgers[1]?.tokens ?? [];
    expect(tokens.map(({ cell, firstLayer, layers }) => [cell, firstLayer, layers])).toEqual([
      [-1, 0, 6],
      [30, 0, 4],
      [3, 0, 2],
      [9, 0, 2],
      [-1, 2, 4],
      [-1, 4, 6],
    ]);
    // Half the class token, which is no patch, and half patch 30; the ids count from the image's first.
    expect([...(tokens[4].weights ?? [])]).toEqual(Array.from({ length: 36 }, (_, patch) => (patch === 30 ? 0.5 : 0)));
    expect(tokens[4].position[0] - tokens[0].position[0]).toBe(2);
    expect(enteringPerLayer(result.ledgers[1] as SampleLedger)).toEqual([4, 4, 3, 3, 2, 2]);
    tf.dispose(tensorsIn(result));
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
