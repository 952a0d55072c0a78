import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { patchCount } from "../../src/core/grid.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap, record, replace, type Tap } from "../../src/core/taps.ts";
import { GRIDS } from "../../src/laws/passes.ts";
import { enteringPerLayer } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { VARIANTS, type Variant } from "../../src/methods/nuwa/variants.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";
import { law } from "./law.ts";

/** Family: whole forward passes of tiny models, on grids of several shapes. */

/** The placeholder of an image in the tiny vocabulary, and the decoder layers of the tiny models. */
const [IMAGE, LAYERS] = [3, 4];
let models: Llava[] = [];

beforeAll(async () => {
  await useBackend("wasm");
  models = GRIDS.map(({ rows, columns }) => tinyModel({ vision: { image_size: [4 * rows, 4 * columns] } }));
});
afterAll(() => {
  for (const model of models) disposeModel(model);
});

const words = (min: number, max: number) =>
  fc.array(fc.integer({ min: 4, max: 39 }), { minLength: min, maxLength: max });

/** A model, a picture, a prompt around it, kept cells, survivors among them, and the layer of the cut. */
const cases = fc.nat(GRIDS.length - 1).chain((which) => {
  const total = patchCount(GRIDS[which]);
  return fc
    .record({
      which: fc.constant(which),
      grid: fc.constant(GRIDS[which]),
      seed: fc.integer({ min: 1, max: 1000 }),
      before: words(0, 4),
      after: words(1, 5),
      anchors: fc.uniqueArray(fc.nat(total - 1), { minLength: 1 }).map((list) => list.sort((a, b) => a - b)),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      order: fc.nat(),
      cutLayer: fc.integer({ min: 1, max: LAYERS - 1 }),
      variant: fc.constantFrom<Variant>("paper", "official"),
      more: words(1, 5),
    })
    .map(({ share, order, ...rest }) => {
      const { length } = rest.anchors;
      const count = Math.max(1, Math.round(share * length));
      const survivors = Array.from({ length: count }, (_, i) => (i + order) % length).sort((a, b) => a - b);
      return { ...rest, survivors };
    });
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Pixels of a picture that is a function of its seed. */
function picture({ grid }: Case, seed: number): tf.Tensor4D {
  return tf.randomNormal([1, 3, 4 * grid.rows, 4 * grid.columns], 0, 1, "float32", seed);
}
const promptOf = ({ before, after }: Case) => [...before, IMAGE, ...after];

/** Logits of the first answer token. */
function logits(input: Case, method: Method, { prompt = promptOf(input), tap = noTap as Tap } = {}): Float32Array {
  return tf.tidy(() => {
    const pixels = picture(input, input.seed);
    const result = runSync(() => forward(models[input.which], { pixels, prompts: [prompt] }, method, tap));
    return result.logits.dataSync() as Float32Array;
  });
}

/** Keeps given cells, then given ranks, whatever picture and prompt say. */
function fixed({ anchors, survivors, cutLayer }: Case): Method {
  return {
    name: "fixed",
    positions: "original",
    idsAfterCut: "kept",
    *selectPatches({ features }) {
      return { cells: Array.from({ length: features.shape[0] }, () => anchors) };
    },
    cuts: new Map([
      [
        cutLayer,
        function* ({ sequence }) {
          return { keep: sequence.map(() => survivors) };
        },
      ],
    ]),
  };
}

/** Hides visual tokens from everyone, in each layer those that are dropped by then. */
function mask({ grid, before, anchors, survivors, cutLayer }: Case): Tap {
  const hide = (layer: number) => (scores: tf.Tensor) => {
    const stays = new Set(layer < cutLayer ? anchors : survivors.map((rank) => anchors[rank]));
    const hidden = Array.from({ length: scores.shape[3] as number }, (_, place) => {
      const cell = place - before.length;
      return cell >= 0 && cell < patchCount(grid) && !stays.has(cell) ? -1e9 : 0;
    });
    return scores.add(tf.tensor4d(hidden, [1, 1, 1, hidden.length]));
  };
  return replace(
    Object.fromEntries(Array.from({ length: LAYERS }, (_, layer) => [`llm.${layer}.attention_scores`, hide(layer)])),
  );
}

const nuwaOf = ({ variant, cutLayer, grid }: Case, [stage1, stage2]: readonly [number, number]) =>
  nuwa({ ...VARIANTS[variant], budget: { stage1: Math.min(stage1, patchCount(grid)), stage2 }, cutLayer });

law(
  "Keeping all visual tokens is the unpruned model, to the bit.",
  cases,
  (input) => {
    const total = patchCount(input.grid);
    expect(logits(input, nuwaOf(input, [total, total]))).toEqual(logits(input, none()));
  },
  { share: 0.3 },
);
law(
  "Physically dropping tokens, in both stages, is hiding them under masks.",
  cases,
  (input) => {
    const dropped = logits(input, fixed(input));
    expect(relativeError(dropped, logits(input, none(), { tap: mask(input) }))).toBeLessThan(1e-5);
  },
  { share: 0.3 },
);
law(
  "Decoding from caches, in one or two turns, is recomputing the whole prompt.",
  cases,
  (input) => {
    const turn = 1 + (input.seed % input.more.length);
    const cached = tf.tidy(() => {
      const inputs = { pixels: picture(input, input.seed), prompts: [promptOf(input)] };
      const start = runSync(() => forward(models[input.which], inputs, fixed(input)));
      const first = advance(models[input.which], start.state, [input.more.slice(0, turn)]);
      const rest = input.more.slice(turn);
      const last = rest.length > 0 ? advance(models[input.which], first.state, [rest]) : first;
      return last.logits.dataSync() as Float32Array;
    });
    const whole = logits(input, fixed(input), { prompt: [...promptOf(input), ...input.more] });
    expect(relativeError(cached, whole)).toBeLessThan(1e-5);
  },
  { share: 0.3 },
);
law(
  "Images in a batch do not see each other: each sample keeps what it keeps alone, and says what it says alone.",
  cases,
  (input) => {
    const method = nuwaOf(input, [input.anchors.length, input.survivors.length]);
    const run = (seeds: readonly number[], prompts: number[][]) =>
      tf.tidy(() => {
        const pixels = tf.concat(seeds.map((seed) => picture(input, seed))) as tf.Tensor4D;
        const result = runSync(() => forward(models[input.which], { pixels, prompts }, method));
        const { ledgers } = result;
        return {
          rows: result.logits.arraySync(),
          kept: ledgers.map((ledger) => ledger?.tokens.map(({ cell, layers }) => [cell, layers])),
        };
      });
    const longer = [...input.more, ...promptOf(input)];
    const together = run([input.seed, input.seed + 1], [promptOf(input), longer]);
    const alone = [run([input.seed], [promptOf(input)]), run([input.seed + 1], [longer])];
    expect(together.kept).toEqual(alone.flatMap(({ kept }) => kept));
    alone.forEach(({ rows }, sample) => {
      expect(relativeError(together.rows[sample], rows[0])).toBeLessThan(1e-5);
    });
  },
  { share: 0.3 },
);
law(
  "The ledger counts k visual tokens up to the cut and k₂ from it on, at the cells' own position ids.",
  cases,
  (input) => {
    const [k, k2] = [input.anchors.length, input.survivors.length];
    tf.tidy(() => {
      const inputs = { pixels: picture(input, input.seed), prompts: [promptOf(input)] };
      const result = runSync(() => forward(models[input.which], inputs, nuwaOf(input, [k, k2])));
      const [ledger] = result.ledgers;
      if (!ledger) throw new Error("no ledger");
      const wanted = Array.from({ length: LAYERS }, (_, layer) => (layer < input.cutLayer ? k : k2));
      expect(enteringPerLayer(ledger)).toEqual(wanted);
      for (const { cell, position } of ledger.tokens) expect(position).toEqual([input.before.length + cell]);
    });
  },
  { share: 0.3 },
);
law(
  "A forward pass leaves no tensor behind but its result.",
  cases,
  (input) => {
    const method = nuwaOf(input, [input.anchors.length, input.survivors.length]);
    const pixels = picture(input, input.seed);
    const before = tf.memory().numTensors;
    const result = runSync(() => forward(models[input.which], { pixels, prompts: [promptOf(input)] }, method));
    tf.dispose(tensorsIn(result));
    expect(tf.memory().numTensors).toBe(before);
    pixels.dispose();
  },
  { share: 0.3 },
);
law(
  "Of k anchors exactly the k − ⌈q(k−1)⌉ with the highest scores are pillars, q being the variant's quantile.",
  cases,
  (input) => {
    const k = Math.min(input.anchors.length, patchCount(input.grid) - 1);
    if (k < 1) return;
    const recorder = record(["vision.key_norms", "stage1.salience", "stage1.indices", "stage1.pillars"]);
    logits(input, nuwaOf(input, [k, 1]), { tap: recorder.tap });
    const [norms, salience, anchors, pillars] = (
      ["vision.key_norms", "stage1.salience", "stage1.indices", "stage1.pillars"] as const
    ).map((name) => [...recorder.get(name).dataSync()]);
    recorder.dispose();
    const { pillarScore, pillarQuantile } = VARIANTS[input.variant];
    const scores = anchors.map((p) => (pillarScore === "salience" ? salience : norms)[p]);
    const ranked = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
    const count = k - Math.ceil(pillarQuantile * (k - 1) - 1e-9);
    expect(pillars).toEqual(scores.map((_, i) => Number(ranked.indexOf(i) < count)));
  },
  { share: 0.3 },
);
