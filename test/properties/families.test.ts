import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { Sequence } from "../../src/core/slots.ts";
import { noTap, record, type Tap } from "../../src/core/taps.ts";
import { sharedOut } from "../../src/methods/budget.ts";
import { enteringPerLayer, gridLedgers, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Cut, CutSelection, CutView, Pruning } from "../../src/methods/method.ts";
import type { NuwaRequest } from "../../src/methods/nuwa/definition.ts";
import { POSITION_POLICIES } from "../../src/methods/nuwa/positions.ts";
import { createMethod, createPruning, METHOD_NAMES } from "../../src/methods/registry.ts";
import { cellCount, type ImageShape, rasterShape } from "../../src/model/image-shape.ts";
import type { PreparedImage, Preprocessing } from "../../src/model/preprocessing.ts";
import { finalNorm, lmHead } from "../../src/model/transformer/decoder.ts";
import { gatherRows } from "../../src/model/transformer/layers.ts";
import { lastIndex } from "../../src/model/transformer/sequence.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { runLayers } from "../../src/pipeline/decoder-loop.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { relativeError } from "../support.ts";
import { IMAGE, noise, tinyFamily } from "../support-families.ts";
import { law } from "./law.ts";

/** Family: whole passes of LLaVA-NeXT and Qwen2.5-VL, on pictures of any shape, one or two of them in a prompt. */

const FAMILIES = ["llava_next", "qwen2_5_vl"] as const;
const models = new Map<string, { model: Vlm; preprocessing: Preprocessing }>();

beforeAll(async () => {
  await useBackend("wasm");
  for (const family of FAMILIES) models.set(family, tinyFamily(family));
});
afterAll(() => {
  for (const { model } of models.values()) disposeModel(model);
});

const words = (min: number, max: number) =>
  fc.array(fc.integer({ min: 4, max: 39 }), { minLength: min, maxLength: max });
// Grids that are odd, unequal and of one row; windows of 2×2 cells that do not divide them; newlines without a cell.
const size = fc.oneof(
  fc.tuple(fc.integer({ min: 12, max: 60 }), fc.integer({ min: 12, max: 60 })),
  fc.constantFrom<[number, number]>([60, 4], [4, 60], [100, 2], [3, 120]),
);

/** Pictures in a prompt of a family, pruned by Nüwa. */
const cases = fc.record({
  family: fc.constantFrom(...FAMILIES),
  sizes: fc.array(size, { minLength: 1, maxLength: 2 }),
  before: words(0, 3),
  between: words(1, 2),
  after: words(1, 3),
  more: words(1, 2),
  variant: fc.constantFrom("official" as const, "paper" as const),
  positions: fc.constantFrom(...POSITION_POLICIES),
  ratio: fc.double({ min: 0.3, max: 0.9, noNaN: true }),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** A model, and the inputs of a pass. */
function madeOf({ family, sizes, before, between, after }: Case, more: readonly number[] = []) {
  const { model, preprocessing } = models.get(family) as { model: Vlm; preprocessing: Preprocessing };
  const images = sizes.map(([width, height], i): PreparedImage => preprocessing.prepare(noise(width, height, i + 1)));
  const prompt = [...before, IMAGE, ...(sizes.length > 1 ? [...between, IMAGE] : []), ...after, ...more];
  return { model, inputs: { ...batchOf(images), prompts: [prompt] } };
}

/** The methods that a model offers what they need. */
function offered({ config }: Vlm): string[] {
  const needs = (name: string) => createMethod(name, config, {}, rasterShape({ rows: 6, columns: 6 })).needs ?? [];
  return METHOD_NAMES.filter((name) => needs(name).every((need) => config.facts.capabilities.includes(need)));
}

/** A pass under Nüwa, or under what a function makes of it; who calls frees the result. */
function pass(input: Case, request: NuwaRequest, more?: readonly number[], tap: Tap = noTap, change = same) {
  const { model, inputs } = madeOf(input, more);
  const result = runSync(() => forward(model, inputs, change(createPruning("nuwa", model.config, request)), tap));
  tf.dispose(tensorsIn(inputs));
  return { model, result };
}
const same = (pruning: Pruning): Pruning => pruning;
const requestOf = ({ variant, positions, ratio }: Case): NuwaRequest => ({ variant, positions, average: { ratio } });
const logitsOf = ({ logits }: Pick<ForwardResult, "logits">) => [...logits.dataSync()];
const SHARE = 0.2;

law(
  "In every family, an average of all visual tokens is the unpruned model, to the bit, with every method and position policy.",
  cases,
  (input) => {
    const { variant, positions } = input;
    const { model, inputs } = madeOf(input);
    const logits = (name: string, request: NuwaRequest) => {
      const result = runSync(() => forward(model, inputs, createPruning(name, model.config, request)));
      const values = logitsOf(result);
      tf.dispose(tensorsIn(result));
      return values;
    };
    const whole = logits("none", {});
    for (const name of offered(model))
      expect(logits(name, { average: { ratio: 1 }, variant, positions }), name).toEqual(whole);
    tf.dispose(tensorsIn(inputs));
  },
  { share: SHARE / 3 },
);
law(
  "In every family, dropping tokens inside the decoder is hiding them under masks.",
  cases,
  (input) => {
    const recorder = record(["llm.embeddings"]);
    const { model, result } = pass(input, requestOf(input), [], recorder.tap);
    const sequences = result.state.layers.map(({ sequence }) => sequence);
    const hidden = tf.tidy(() => {
      let x = recorder.get("llm.embeddings") as tf.Tensor3D;
      let shown = sequences[0];
      for (let layer = 0; layer < sequences.length; layer++) {
        shown = withNulls(shown, sequences[layer]);
        x = runLayers(model, x, { from: layer, to: layer + 1, sequence: shown }, noTap).x;
      }
      const last = gatherRows(finalNorm(model, x) as tf.Tensor3D, [[lastIndex(shown[0])]]);
      return [...lmHead(model, last).dataSync()];
    });
    expect(relativeError(logitsOf(result), hidden)).toBeLessThan(1e-5);
    recorder.dispose();
    tf.dispose(tensorsIn(result));
  },
  { share: SHARE },
);
law(
  "In every family, decoding from caches is recomputing the longer prompt, its selections held fixed.",
  cases,
  (input) => {
    // Cuts are asked for image by image, in the same order in both passes.
    const notes: CutSelection[] = [];
    const { model, result: start } = pass(input, requestOf(input), [], noTap, (made) =>
      withCuts(made, function* (choose, view) {
        notes.push(yield* choose(view));
        return notes[notes.length - 1];
      }),
    );
    const turn = advance(model, start.state, [input.more]);
    const whole = pass(input, requestOf(input), input.more, noTap, (made) =>
      // biome-ignore lint/correctness/useYield: nothing is read out
      withCuts(made, function* () {
        return notes.shift() as CutSelection;
      }),
    ).result;
    expect(relativeError(logitsOf(turn), logitsOf(whole))).toBeLessThan(1e-5);
    tf.dispose(tensorsIn([start, turn, whole]));
  },
  { share: SHARE },
);
law(
  "Each image is pruned by itself: it keeps k tokens, shared out over its grids, up to the cut and k₂ from it on.",
  cases,
  (input) => {
    const { result } = pass(input, requestOf(input));
    const ledger = result.ledgers[0] as SampleLedger;
    const shapes = shapesOf(input);
    const alone = input.sizes.map((one) => {
      const { result: own } = pass({ ...input, sizes: [one] }, requestOf(input));
      tf.dispose(tensorsIn(own));
      return own.ledgers[0] as SampleLedger;
    });
    const sum = (ledgers: readonly SampleLedger[]) =>
      enteringPerLayer(ledgers[0]).map((_, layer) =>
        ledgers.reduce((total, each) => total + enteringPerLayer(each)[layer], 0),
      );
    expect(enteringPerLayer(ledger)).toEqual(sum(alone));
    for (const [image, own] of alone.entries()) {
      const kept = enteringPerLayer(own)[0];
      const perGrid = gridLedgers(ledger, image).map(({ tokens }) => tokens.size);
      expect(perGrid.reduce((total, count) => total + count, 0)).toBe(kept);
      expect(kept).toBeLessThanOrEqual(cellCount(shapes[image]));
      // The budget that was shared out is a whole number of tokens a tile, or all that a grid has.
      const tiles = shapes[image].tiles.reduce((total, count) => total + count, 0);
      const budgets = Array.from({ length: cellCount(shapes[image]) + 1 - tiles }, (_, i) =>
        sharedOut(tiles + i, shapes[image]),
      );
      expect(budgets.map(String)).toContain(String(perGrid));
    }
    // Separators stay, whatever is dropped.
    const separators = result.state.layers.map(({ sequence }) =>
      sequence[0].filter((slot) => slot?.kind === "separator"),
    );
    const lines = shapes.reduce((total, { separators: own }) => total + own.length, 0);
    expect(separators.every(({ length }) => length === lines)).toBe(true);
    tf.dispose(tensorsIn(result));
  },
  { share: SHARE },
);
law(
  "In every family a forward pass leaves no tensor behind but its result.",
  cases,
  (input) => {
    const { numTensors } = tf.memory();
    const { result } = pass(input, requestOf(input));
    tf.dispose(tensorsIn(result));
    expect(tf.memory().numTensors).toBe(numTensors);
  },
  { share: SHARE },
);

/** A method whose cuts are made by another function, which gets the method's own. */
function withCuts(pruning: Pruning, cut: (choose: Cut, view: CutView) => ReturnType<Cut>): Pruning {
  return (shape) => {
    const method = typeof pruning === "function" ? pruning(shape) : pruning;
    const cuts = [...method.cuts].map(([layer, choose]): [number, Cut] => [layer, (view) => cut(choose, view)]);
    return { ...method, cuts: new Map(cuts) };
  };
}

/** The shapes of the pictures of a case. */
function shapesOf(input: Case): ImageShape[] {
  const { model, inputs } = madeOf(input);
  const shapes: ImageShape[] = [];
  tf.tidy(() => {
    for (const { images, shape } of runSync(() => model.encode(inputs, noTap)))
      for (const image of images) shapes[image] = shape;
  });
  tf.dispose(tensorsIn(inputs));
  return shapes;
}

/** A sequence with nothing where another has dropped a token. */
function withNulls(sequence: Sequence, left: Sequence): Sequence {
  return sequence.map((slots, sample) => {
    const rows = new Set(left[sample].flatMap((slot) => (slot?.kind === "visual" ? [slot.row] : [])));
    return slots.map((slot) => (slot?.kind === "visual" && !rows.has(slot.row) ? null : slot));
  });
}
