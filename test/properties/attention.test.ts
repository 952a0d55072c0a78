import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { runSync, tensorsIn, tidy } from "../../src/core/readback.ts";
import type { Sequence } from "../../src/core/slots.ts";
import { noTap } from "../../src/core/taps.ts";
import { createPruning, METHOD_NAMES } from "../../src/methods/registry.ts";
import {
  attend,
  attendInParts,
  attentionByRows,
  attentionReceived,
  type ByRows,
  byRows,
  rowsOf,
} from "../../src/model/transformer/attention.ts";
import { causalMask, padded } from "../../src/model/transformer/sequence.ts";
import { disposeModel, type ImageInputs, type Vlm } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { relativeError } from "../support.ts";
import { IMAGE, preparedNoise, tinyFamily } from "../support-families.ts";
import { askedFor } from "../support-methods.ts";
import { OTHER_PARTS, tinyModel } from "../support-tiny.ts";
import { layoutOf } from "./generators/sequences.ts";
import { law } from "./law.ts";

/** Family: attention in blocks of queries and by rows. */

const WHOLE = 2 ** 24;
/** So many weights are computed at a time; {@link WHOLE}: more than any case has. */
const limit = vi.hoisted(() => ({ weights: 2 ** 24 }));
vi.mock("../../src/model/transformer/at-a-time.ts", () => ({
  get WEIGHTS_AT_A_TIME() {
    return limit.weights;
  },
}));

/** The result of `work` where so many weights are computed at a time. */
function atATime<T>(weights: number, work: () => T): T {
  limit.weights = weights;
  try {
    return work();
  } finally {
    limit.weights = WHOLE;
  }
}

/** Models of all families, and what they are shown: towers with and without class token, windows in tower and decoder. */
const models: { name: string; model: Vlm; images: ImageInputs }[] = [];

beforeAll(async () => {
  await useBackend("wasm");
  const windowed = { sliding_window: 6, use_sliding_window: true, max_window_layers: 1 };
  for (const [name, parts] of [
    ["llava", {}],
    ["llava of other parts", { ...OTHER_PARTS, text: { ...OTHER_PARTS.text, ...windowed } }],
  ] as const)
    models.push({
      name,
      model: tinyModel(parts),
      images: { pixels: tf.randomNormal([2, 3, 16, 16], 0, 1, "float32", 7) },
    });
  for (const name of ["llava_next", "qwen2_5_vl"] as const) {
    const { model, preprocessing } = tinyFamily(name);
    models.push({
      name,
      model,
      images: batchOf(
        preparedNoise(preprocessing, [
          [40, 24],
          [24, 56],
        ]),
      ),
    }); // prettier-ignore
  }
});
afterAll(() => {
  for (const { model, images } of models) {
    disposeModel(model);
    tf.dispose(tensorsIn(images));
  }
});
afterEach(() => expect(limit.weights).toBe(WHOLE));

/** Random numbers of a shape. */
function filled(shape: readonly [number, number, number, number], seed: number): tf.Tensor4D {
  const random = randomFrom(seed);
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => normal(random));
  return tf.tensor4d(values, [...shape]);
}

/** Queries, keys and values with grouped heads, a mask of some kind, and how many weights are computed at a time. */
const cases = fc
  .record({
    texts: fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 4 })), {
      minLength: 1,
      maxLength: 3,
    }),
    visual: fc.integer({ min: 0, max: 9 }),
    groups: fc.integer({ min: 1, max: 3 }),
    keyValueHeads: fc.integer({ min: 1, max: 2 }),
    width: fc.integer({ min: 1, max: 4 }),
    part: fc.double({ min: 0.05, max: 1, noNaN: true }),
    mask: fc.constantFrom("none", "causal", "window", "keys", "samples"),
    window: fc.integer({ min: 2, max: 6 }),
    weights: fc.integer({ min: 1, max: 300 }),
    seed: fc.integer({ min: 1, max: 10_000 }),
    asked: fc.array(fc.array(fc.nat(100), { maxLength: 4 }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ texts, visual, part, asked, ...rest }) => {
    const sequence: Sequence = padded(texts.map(([before, after]) => layoutOf({ before, visual, after })));
    const queries = Math.ceil(part * sequence[0].length);
    const rows = sequence.map((_, sample) => asked[sample].map((row) => row % queries));
    return { ...rest, sequence, queries, rows };
  });
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function tensorsOf({ sequence, queries, groups, keyValueHeads, width, seed }: Case) {
  const [batch, keys] = [sequence.length, sequence[0].length];
  return {
    q: filled([batch, groups * keyValueHeads, queries, width], seed),
    k: filled([batch, keyValueHeads, keys, width], seed + 1),
    v: filled([batch, keyValueHeads, keys, width], seed + 2),
    up: filled([batch, groups * keyValueHeads, queries, width], seed + 3),
  };
}

/** Made with the limit of who calls, as a pass makes it. */
function maskOf({ mask, sequence, queries, window, seed }: Case): ByRows | undefined {
  const [batch, keys] = [sequence.length, sequence[0].length];
  if (mask === "none") return undefined;
  if (mask === "causal") return causalMask(sequence, queries);
  if (mask === "window") return causalMask(sequence, queries, window);
  if (mask === "samples") return byRows(filled([batch, 1, queries, keys], seed + 4));
  const ofKeys = filled([batch, 1, 1, keys], seed + 4);
  return () => ofKeys;
}

const numbers = (x: tf.Tensor | undefined) => [...(x?.dataSync() ?? [])];
const near = (one: tf.Tensor, other: tf.Tensor, bound = 1e-6) =>
  expect(relativeError(numbers(one), numbers(other))).toBeLessThan(bound);

law(
  "Attention in blocks of queries is all of it at once: its output, what each key receives, its gradients.",
  cases,
  (input) => {
    tf.tidy(() => {
      const { q, k, v, up } = tensorsOf(input);
      const whole = attend(q, k, v, maskOf(input)?.(), noTap, "llm.0");
      const parts = atATime(input.weights, () =>
        attendInParts(q, k, v, maskOf(input), noTap, "llm.0", { received: true }),
      );
      near(parts.output, whole.output);
      near(parts.received as tf.Tensor, whole.attention.sum(2).mean(1));
      near(
        atATime(input.weights, () => attentionReceived(q, k)),
        attend(q, k, v, undefined, noTap, "llm.0").attention.sum(2).mean(1),
      );
      const slopes = tf.grads((...all) => {
        const [a, b, c] = all as tf.Tensor4D[];
        return attendInParts(a, b, c, maskOf(input), noTap, "llm.0").output.mul(up).sum();
      });
      const [ofWhole, ofParts] = [WHOLE, input.weights].map((weights) => atATime(weights, () => slopes([q, k, v])));
      ofParts.forEach((own, i) => {
        expect(tf.max(tf.abs(own.sub(ofWhole[i]))).dataSync()[0]).toBeLessThan(1e-5);
      });
    });
  },
);

law(
  "Rows of an attention are those rows of all of it, whoever asks for which, held or computed again.",
  cases,
  (input) => {
    tf.tidy(() => {
      const { q, k, v } = tensorsOf(input);
      const { attention } = attend(q, k, v, maskOf(input)?.(), noTap, "llm.0");
      const wanted = rowsOf(attention, input.rows);
      const parts = atATime(input.weights, () => {
        const mask = maskOf(input);
        const once = attendInParts(q, k, v, mask, noTap, "llm.0", { attention: true });
        const seen = attentionByRows({ queries: q, keys: k, attention: once.attention }, mask);
        return { rows: seen(input.rows), all: seen() };
      });
      near(parts.rows, wanted);
      near(parts.all, attention);
      const longest = Math.max(1, ...input.rows.map(({ length }) => length));
      expect(wanted.shape).toEqual([attention.shape[0], attention.shape[1], longest, attention.shape[3]]);
      input.rows.forEach((list, sample) => {
        for (const [i, row] of list.entries())
          expect(numbers(wanted.slice([sample, 0, i, 0], [1, -1, 1, -1]))).toEqual(
            numbers(attention.slice([sample, 0, row, 0], [1, -1, 1, -1])),
          );
      });
    });
  },
);

law(
  "A causal mask made for some rows is those rows of the whole one, whatever the window and the padding.",
  cases,
  (input) => {
    tf.tidy(() => {
      const window = input.mask === "window" ? input.window : undefined;
      const held = causalMask(input.sequence, input.queries, window);
      const made = atATime(1, () => causalMask(input.sequence, input.queries, window));
      expect(numbers(made?.(input.rows))).toEqual(numbers(held?.(input.rows)));
      expect(numbers(made?.())).toEqual(numbers(held?.()));
    });
  },
);

/** A method on a model, prompts around its images, and how many weights are computed at a time. */
const passes = fc.record({
  which: fc.nat(3),
  weights: fc.integer({ min: 1, max: 2000 }),
  ratio: fc.double({ min: 0.2, max: 0.8, noNaN: true }),
  variant: fc.constantFrom("official" as const, "paper" as const),
  texts: fc.array(
    fc.tuple(fc.array(fc.integer({ min: 4, max: 39 }), { maxLength: 3 }), fc.integer({ min: 4, max: 39 })),
    { minLength: 2, maxLength: 2 },
  ),
});

function inputsOf({ which, texts }: { which: number; texts: readonly (readonly [readonly number[], number])[] }) {
  const { model, images } = models[which];
  return { model, inputs: { ...images, prompts: texts.map(([before, last]) => [...before, IMAGE, 5, last]) } };
}

/** The methods that a model offers what they need. */
function offered(model: Vlm): string[] {
  const { capabilities } = model.config.facts;
  return METHOD_NAMES.filter((name) => {
    const pruning = createPruning(name, model.config, {});
    const method = typeof pruning === "function" ? pruning(models[2].model.shapesOf(models[2].images)[0]) : pruning;
    return (method.needs ?? []).every((need) => capabilities.includes(need));
  });
}

law(
  "In every family every method keeps the same and says the same where attention is computed in blocks.",
  passes,
  (input) => {
    const { model, inputs } = inputsOf(input);
    for (const name of offered(model)) {
      const asked = { ...askedFor(name, input.ratio), variant: input.variant };
      const pruning = createPruning(name, model.config, asked);
      const pass = () =>
        tidy(() => {
          const { logits, ledgers } = runSync(() => forward(model, inputs, pruning));
          return { logits: numbers(logits), kept: ledgers.map((ledger) => ledger?.tokens) };
        });
      const [whole, parts] = [pass(), atATime(input.weights, pass)];
      expect(relativeError(parts.logits, whole.logits), name).toBeLessThan(1e-5);
      expect(
        parts.kept.map((tokens) => tokens?.map(({ cell, layers }) => [cell, layers])),
        name,
      ).toEqual(whole.kept.map((tokens) => tokens?.map(({ cell, layers }) => [cell, layers])));
    }
  },
  { share: 0.1 },
);

law(
  "Gradients through a pass of every family are the same where attention is computed in blocks.",
  passes,
  (input) => {
    const { model, inputs } = inputsOf(input);
    const pruning = createPruning("nuwa", model.config, { average: { ratio: input.ratio }, variant: input.variant });
    const slopes = () =>
      tidy(() =>
        tf
          .grad((pixels) => {
            const { logits } = runSync(() => forward(model, { ...inputs, pixels }, pruning));
            return logits.square().mean<tf.Scalar>();
          })(inputs.pixels)
          .dataSync(),
      );
    const [whole, parts] = [slopes(), atATime(input.weights, slopes)];
    expect(relativeError([...parts], [...whole])).toBeLessThan(1e-4);
  },
  { share: 0.05 },
);

/** Methods that hold nothing of their own that grows faster than the tokens, as mixtures of k tokens from N do. */
const LINEAR = ["none", "fastv", "sparsevlm", "pyramiddrop", "hiprune", "dart", "feather", "ivcprune"];

law(
  "Twice the tokens take at most 2.2 times the memory in a pass, whichever rows of attention a method reads.",
  fc.record({
    name: fc.constantFrom(...LINEAR),
    rows: fc.integer({ min: 12, max: 20 }),
    kind: fc.constantFrom("clip_vision_model", "siglip_vision_model"),
    ratio: fc.double({ min: 0.4, max: 0.9, noNaN: true }),
  }),
  ({ name, rows, kind, ratio }) => {
    const peakOf = (count: number) => {
      const top = kind === "clip_vision_model" ? {} : { vision_feature_select_strategy: "full" };
      const model = tinyModel({ top, vision: { model_type: kind, image_size: [4 * count, 64] } });
      const pixels = tf.randomNormal<tf.Rank.R4>([1, 3, 4 * count, 64], 0, 1, "float32", 1);
      const pruning = createPruning(name, model.config, askedFor(name, ratio));
      const inputs = { pixels, prompts: [[5, IMAGE, 6, 7]] };
      const peak = mostBytes(() => runSync(() => forward(model, inputs, pruning)));
      disposeModel(model);
      pixels.dispose();
      return peak;
    };
    const [once, twice] = atATime(4096, () => [peakOf(rows), peakOf(2 * rows)]);
    expect(twice).toBeLessThan(2.2 * once);
  },
  { share: 0.1 },
);

/** The most bytes that tensors take behind any kernel of `work`, beside what was there before. The result is freed. */
function mostBytes(work: () => unknown): number {
  const engine = tf.engine();
  const before = tf.memory().numBytes;
  const original = engine.runKernel;
  let most = 0;
  engine.runKernel = function (this: typeof engine, ...call) {
    const outputs = original.apply(this, call);
    most = Math.max(most, tf.memory().numBytes - before);
    return outputs;
  } as typeof original;
  try {
    tf.dispose(tensorsIn(work()));
  } finally {
    delete (engine as { runKernel?: unknown }).runKernel;
  }
  return most;
}
