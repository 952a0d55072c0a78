import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import type { CutSelection, Method } from "../../src/methods/method.ts";
import { createMethod, METHOD_NAMES } from "../../src/methods/registry.ts";
import { read, runSync, tensorsIn } from "../../src/model/reading.ts";
import { disposeModel, type Model } from "../../src/model/weights.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { type ForwardResult, forward } from "../../src/pipeline/forward.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { averageTokens, enteringPerLayer, type SampleLedger } from "../../src/pruning/ledger.ts";
import { POSITION_POLICIES } from "../../src/pruning/positions.ts";
import { record } from "../../src/tap.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

const PROMPTS = [
  [1, 7, 3, 9, 11, 20, 5],
  [1, 3, 14, 6],
];
const MORE = [
  [21, 8],
  [30, 4],
];

/** Every method with every policy, at half of the tokens, and what publishes its own numbers without an average. */
const CASES = METHOD_NAMES.flatMap((name) =>
  POSITION_POLICIES.map((positions) => [name, { positions, average: { tokens: 8 } }] as const),
).concat(["prumerge", "pyramiddrop"].map((name) => [name, { positions: "compressed", average: undefined }] as never));

describe.each(CASES)("%s with %j", (name, request) => {
  let model: Model;
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

  it("decodes with caches as it recomputes, its selections held fixed", () => {
    const selections: Recorded[] = [];
    const start = runSync(() => forward(model, { pixels, prompts: PROMPTS }, remembering(method, selections)));
    const turn = advance(model, start.state, MORE);
    const longer = PROMPTS.map((ids, sample) => [...ids, ...MORE[sample]]);
    const whole = runSync(() => forward(model, { pixels, prompts: longer }, repeating(method, selections)));
    expect(relativeError(turn.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
    tf.dispose([...tensorsIn(start), ...tensorsIn(turn), ...tensorsIn(whole)]);
  });

  it("gives each sample of a batch what it gets alone, and leaves nothing but its result behind", () => {
    const before = tf.memory().numTensors;
    const together = runSync(() => forward(model, { pixels, prompts: PROMPTS }, method));
    PROMPTS.forEach((prompt, sample) => {
      const own = tf.tidy(() => pixels.slice([sample, 0, 0, 0], [1, -1, -1, -1])) as tf.Tensor4D;
      const alone = runSync(() => forward(model, { pixels: own, prompts: [prompt] }, method));
      const logits = tf.tidy(() => together.logits.slice([sample, 0], [1, -1]).dataSync());
      expect(relativeError(logits, alone.logits.dataSync())).toBeLessThan(1e-5);
      expect(fates(together, sample)).toEqual(fates(alone, 0));
      tf.dispose([own, ...tensorsIn(alone)]);
    });
    // Logits, final hidden states, and keys and values of four layers.
    expect(tf.memory().numTensors - before).toBe(2 + 2 * 4);
    tf.dispose(tensorsIn(together));
    expect(tf.memory().numTensors).toBe(before);
  });

  it("has a ledger that agrees with what passes, and dumps the cells that are left", () => {
    const recorder = record(["final.indices", "stage1.indices", "stage1.tokens"]);
    const own = tf.tidy(() => pixels.slice([0, 0, 0, 0], [1, -1, -1, -1])) as tf.Tensor4D;
    const result = runSync(() => forward(model, { pixels: own, prompts: [PROMPTS[0]] }, method, recorder.tap));
    const ledger = result.ledgers[0] as SampleLedger;
    const entering = result.state.layers.map(({ cache }) => cache.keys.shape[2] - ledger.textTokens);
    expect(enteringPerLayer(ledger)).toEqual(entering);
    const survivors = ledger.tokens.filter(({ layers }) => layers === ledger.layers);
    expect([...recorder.get("final.indices").dataSync()]).toEqual(survivors.map(({ cell }) => cell));
    const entered = ledger.tokens.filter(({ firstLayer }) => firstLayer === 0);
    expect([...recorder.get("stage1.indices").dataSync()]).toEqual(entered.map(({ cell }) => cell));
    expect(recorder.get("stage1.tokens").shape).toEqual([1, entered.length, 16]);
    // In four layers, whole tokens and a class token make a difference of up to one token.
    if (request.average && name !== "none" && name !== "pooling")
      expect(Math.abs(averageTokens(entering) - 8)).toBeLessThanOrEqual(1);
    recorder.dispose();
    tf.dispose([own, ...tensorsIn(result)]);
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

function fates({ ledgers }: ForwardResult, sample: number): unknown[] {
  return (ledgers[sample]?.tokens ?? []).map(({ cell, position, firstLayer, layers }) => [
    cell,
    position,
    firstLayer,
    layers,
  ]);
}

interface Recorded {
  readonly keep: CutSelection["keep"];
  readonly counts: readonly number[];
  /** [B][a][S] */
  readonly weights: number[][][] | undefined;
}

/** The method, noting what each cut decides. */
function remembering(method: Method, selections: Recorded[]): Method {
  const cuts = [...method.cuts].map(([layer, choose]): [number, typeof choose] => [
    layer,
    function* (view) {
      const selection = yield* choose(view);
      const { added } = selection;
      if (added) yield* read(added.weights);
      selections.push({
        keep: selection.keep,
        counts: added?.counts ?? [],
        weights: added?.weights.arraySync(),
      });
      return selection;
    },
  ]);
  return { ...method, cuts: new Map(cuts) };
}

/** The method, deciding as noted, also for longer prompts: what is scored by the last token would change with it. */
function repeating(method: Method, selections: readonly Recorded[]): Method {
  const cuts = [...method.cuts.keys()].map((layer, nth): [number, NonNullable<ReturnType<Method["cuts"]["get"]>>] => [
    layer,
    function* ({ sequence }) {
      const { keep, counts, weights } = selections[nth];
      if (!weights) return { keep };
      const longer = weights.map((rows) =>
        rows.map((row) => [...row, ...new Array<number>(sequence[0].length - row.length).fill(0)]),
      );
      return { keep, added: { weights: tf.tensor3d(longer), counts } };
    },
  ]);
  return { ...method, cuts: new Map(cuts) };
}
