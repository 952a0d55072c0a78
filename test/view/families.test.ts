import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerAttention } from "../../src/analysis/answer-attention.ts";
import { measure } from "../../src/analysis/measure.ts";
import { useBackend } from "../../src/backend/select.ts";
import { run, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { record } from "../../src/core/taps.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import { createPruning, METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import { llavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import type { PreparedImage } from "../../src/model/preprocessing.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { drawAttentionStrip } from "../../src/view/attention-strip.ts";
import { recordScores } from "../../src/view/cut-scores.ts";
import { drawRun } from "../../src/view/picture.ts";
import { leaked } from "../support.ts";
import { IMAGE, noise, tinyFamily } from "../support-families.ts";
import { askedFor } from "../support-methods.ts";
import { tinyModel } from "../support-tiny.ts";
import { badIds, misplaced, wordsOf } from "./support.ts";

const PICTURE = noise(40, 24);
const PROMPTS = [[1, 5, IMAGE, 6, 7, 8]];
const CLIP = { imageSize: [16, 16], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], aspect: "crop" } as const;

describe.each(["llava", "llava_next", "qwen2_5_vl"] as const)("pictures of %s", (family) => {
  let [model, image] = [{} as Vlm, {} as PreparedImage];
  beforeAll(async () => {
    await useBackend("wasm");
    const tiny =
      family === "llava" ? { model: tinyModel(), preprocessing: llavaPreprocessing(CLIP) } : tinyFamily(family);
    ({ model } = tiny);
    image = tiny.preprocessing.prepare(PICTURE);
  });
  afterAll(() => disposeModel(model));
  /** ToMe's merging is LLaVA-1.5's alone. */
  const methods = METHOD_NAMES.filter((name) => name !== "tome" || family === "llava");

  it.each(methods)("%s: all is drawn in its place, scores where the method gives them", async (name) => {
    const inputs = { ...batchOf([image]), prompts: PROMPTS };
    const scores = recordScores();
    const result = await run(() => forward(model, inputs, pruning(name), scores.tap));
    const ledger = result.ledgers[0] as SampleLedger;
    const cuts = await scores.read();
    scores.dispose();
    tf.dispose(tensorsIn([result, inputs]));
    expect(cuts.length > 0).toBe(methodNamed(name).taps?.includes("stage2.scores") ?? false);
    for (const { layer, scores: own } of cuts) {
      const entered = ledger.tokens.flatMap((token, number) =>
        (token.firstLayer < layer || layer === 0) && token.layers >= layer ? [number] : [],
      );
      expect([...own.keys()].sort((a, b) => a - b)).toEqual(entered);
    }
    const images = [{ picture: PICTURE, grids: image.pictures }];
    const svg = await drawRun({ images, ledger, question: "What?", scores: cuts, regionSize: 2 });
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
    const words = wordsOf(svg);
    expect(words.split("Before the decoder").length - 1).toBe(image.pictures.length);
    expect(words.includes("Scores of the cut")).toBe(cuts.length > 0);
    expect(words).toContain(`${ledger.total} unpruned`);
  });

  it.each(["none", "nuwa", "sparsevlm"])(
    "%s: attention of the answer is the last row, mean over heads",
    async (name) => {
      const inputs = { ...batchOf([image]), prompts: PROMPTS };
      const layers = Array.from({ length: model.tapLayers.llm }, (_, i): TapName => `llm.${i}.attention`);
      const recorder = record(layers);
      const result = await run(() => forward(model, inputs, pruning(name), recorder.tap));
      const wanted = layers.map((layer, i) => {
        const all = recorder.get(layer).arraySync() as number[][][][];
        const slots = result.state.layers[i].sequence[0];
        return slots.flatMap((slot, at) => {
          if (slot?.kind !== "visual") return [];
          const last = all[0].map((head) => head[head.length - 1][at]);
          return [[slot.row, last.reduce((sum, weight) => sum + weight, 0) / last.length]];
        });
      });
      recorder.dispose();
      tf.dispose(tensorsIn(result));
      const found = await measure(model, inputs, pruning(name), {
        ledger:
          () =>
          async ({ ledger }) =>
            ledger,
        attention: answerAttention(),
      });
      tf.dispose(tensorsIn(inputs));
      found.attention.forEach(({ tokens, weights }, i) => {
        expect([...tokens]).toEqual(wanted[i].map(([row]) => row));
        wanted[i].forEach(([, weight], at) => {
          expect(weights[at]).toBeCloseTo(weight, 6);
        });
      });
      const strip = { image: { picture: PICTURE, grids: image.pictures }, ...found };
      const svg = await drawAttentionStrip({ ...strip, question: "What?" });
      expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
      // A frame a layer and grid, and the picture before each.
      const frames = image.pictures.length * (layers.length + 1);
      expect(svg.split("<use ").length - 1).toBe(frames);
      const share = found.attention[1].weights.reduce((sum, weight) => sum + weight, 0);
      expect(wordsOf(svg)).toContain(`layer 1: ${Number((100 * share).toPrecision(2))} %`);
    },
  );

  function pruning(name: string) {
    return createPruning(name, model.config, askedFor(name, 0.5));
  }
});

it("records scores without leaving tensors", async () => {
  await useBackend("wasm");
  const model = tinyModel();
  const left = await leaked(async () => {
    const inputs = { ...batchOf([llavaPreprocessing(CLIP).prepare(PICTURE)]), prompts: PROMPTS };
    const scores = recordScores();
    const result = await run(() => forward(model, inputs, createPruning("fastv", model.config, {}), scores.tap));
    expect(await scores.read()).toHaveLength(1);
    scores.dispose();
    tf.dispose(tensorsIn([result, inputs]));
  });
  disposeModel(model);
  expect(left).toBe(0);
});
