import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync } from "../../src/core/readback.ts";
import { record } from "../../src/core/taps.ts";
import { enteringPerLayer, type SampleLedger } from "../../src/methods/ledger.ts";
import type { AddedTokens, Cut, CutView, Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

/** The placeholder of an image. */
const IMAGE = 3;
let model: Vlm;
let pixels: tf.Tensor4D;

beforeAll(async () => {
  await useBackend("wasm");
  model = tinyModel();
  pixels = tf.randomNormal([2, 3, 16, 16], 0, 1, "float32", 7);
});
afterAll(() => {
  pixels.dispose();
  disposeModel(model);
});

const visualOf = ({ sequence }: CutView, sample: number) =>
  sequence[sample].flatMap((slot, at) => (slot?.kind === "visual" ? [{ slot, at }] : []));

/** Keeps the first token of each image and makes `count` of the others: a half of the second and a half of the last. */
function making(count: number, seen: CutView[] = []): Cut {
  return function* (view) {
    seen.push(view);
    const { sequence } = view;
    const rows = sequence.map((slots, sample) => {
      const visual = visualOf(view, sample);
      const row = slots.map((_, at) => (at === visual[1]?.at || at === visual.at(-1)?.at ? 0.5 : 0));
      return Array.from({ length: count }, () => row);
    });
    const counts = sequence.map((_, sample) => (visualOf(view, sample).length > 0 ? count : 0));
    return {
      keep: counts.map((made) => (made > 0 ? [0] : [])),
      added: { weights: tf.tensor3d(rows), counts },
    };
  };
}

const method = (cuts: [number, Cut][]): Method => ({ ...none(), name: "maker", cuts: new Map(cuts) });
const PROMPTS = [
  [1, IMAGE, 5, IMAGE, 7],
  [1, 8, 9],
];

describe("tokens made inside the decoder, of two images of a prompt", () => {
  it("stand behind the kept ones of their image, and the ledger says what of it they are made of", () => {
    tf.tidy(() => {
      const views: CutView[] = [];
      const result = runSync(() => forward(model, { pixels, prompts: PROMPTS }, method([[1, making(2, views)]])));
      // One call for each image of the prompt; the other image, also among what entered, is hidden.
      expect(views.map((view) => visualOf(view, 0).map(({ slot }) => slot.image))).toEqual([
        new Array(16).fill(0),
        new Array(16).fill(1),
      ]);
      for (const [image, { entered }] of views.entries())
        for (const slot of entered.sequence[0]) if (slot?.kind === "visual") expect(slot.image).toBe(image);
      const slots = result.state.layers[1].sequence[0].map((slot) => (slot?.kind === "visual" ? slot.row : slot?.kind));
      expect(slots).toEqual(["text", 0, 32, 33, "text", 16, 34, 35, "text"]);
      const ledger = result.ledgers[0] as SampleLedger;
      const made = ledger.tokens.slice(32);
      expect(made.map(({ image, cell, firstLayer }) => [image, cell, firstLayer])).toEqual([
        [0, -1, 1],
        [0, -1, 1],
        [1, -1, 1],
        [1, -1, 1],
      ]);
      const half = Array.from({ length: 16 }, (_, cell) => (cell === 1 || cell === 15 ? 0.5 : 0));
      for (const { weights } of made) expect([...(weights ?? [])]).toEqual(half);
      expect(ledger.tokens[0].weights).toBeUndefined();
      expect(result.ledgers[1]).toBeUndefined();
    });
  });

  it("are each what its own weights say, in every image of every sample, and so is the ledger", () => {
    // Token t of the i-th image shown is a mixture of the cells t and t + 2 + i: (i + 1)/8 and 1 − (i + 1)/8 of them.
    let calls = 0;
    const cut: Cut = function* ({ sequence }) {
      const image = calls++;
      const share = (image + 1) / 8;
      const rows = sequence.map((slots) =>
        [0, 1].map((token) =>
          slots.map((slot) => {
            if (slot?.kind !== "visual") return 0;
            return slot.cell === token ? share : slot.cell === token + 2 + image ? 1 - share : 0;
          }),
        ),
      );
      const counts = sequence.map((slots) => (slots.some((slot) => slot?.kind === "visual") ? 2 : 0));
      return { keep: counts.map((made) => (made > 0 ? [0] : [])), added: { weights: tf.tensor3d(rows), counts } };
    };
    tf.tidy(() => {
      const three = tf.concat([pixels, pixels.slice([0], [1]).mul(-1)], 0) as tf.Tensor4D;
      const prompts = [PROMPTS[0], [1, IMAGE, 7]];
      const { tap, get, dispose } = record(["llm.embeddings", "llm.0.tokens"]);
      const result = runSync(() => forward(model, { pixels: three, prompts }, method([[0, cut]]), tap));
      const [before, after] = (["llm.embeddings", "llm.0.tokens"] as const).map(
        (name) => get(name).arraySync() as number[][][],
      );
      dispose();
      // First cells stand behind the first text token, and behind the text between the images.
      const wanted = [
        { sample: 0, image: 0, from: 1, to: 2 },
        { sample: 0, image: 1, from: 18, to: 6 },
        { sample: 1, image: 0, from: 1, to: 2 },
      ];
      for (const { sample, image, from, to } of wanted)
        for (const made of [0, 1]) {
          const share = (image + 1) / 8;
          const [one, other] = [made, made + 2 + image].map((cell) => before[sample][from + cell]);
          const mixed = one.map((value, channel) => share * value + (1 - share) * other[channel]);
          expect(relativeError(after[sample][to + made], mixed), `${sample}, ${image}, ${made}`).toBeLessThan(1e-5);
          const { tokens } = result.ledgers[sample] as SampleLedger;
          const { weights } = tokens.filter((token) => token.image === image && token.cell < 0)[made];
          const cells = Array.from({ length: 16 }, (_, cell) =>
            cell === made ? share : cell === made + 2 + image ? 1 - share : 0,
          );
          expect([...(weights ?? [])]).toEqual(cells);
        }
    });
  });

  it("are mixed from their own image: changing the other image changes nothing before its text", () => {
    tf.tidy(() => {
      // In the second layer on, the first image's tokens follow from the first image and the text before it.
      const states = (images: tf.Tensor) => {
        const { tap, get, dispose } = record(["llm.1.tokens"]);
        runSync(() => forward(model, { pixels: images, prompts: [PROMPTS[0]] }, method([[1, making(2)]]), tap));
        const values = get("llm.1.tokens").slice([0, 0, 0], [1, 4, -1]).dataSync();
        dispose();
        return values;
      };
      const changed = tf.concat([pixels.slice([0], [1]), pixels.slice([1], [1]).mul(-1)], 0);
      expect(relativeError(states(changed), states(pixels))).toBeLessThan(1e-6);
    });
  });

  it("can be made of made ones, and decoding goes on from caches", () => {
    tf.tidy(() => {
      const twice = method([
        [1, making(1)],
        [2, making(1)],
      ]);
      const result = runSync(() => forward(model, { pixels, prompts: PROMPTS }, twice));
      const ledger = result.ledgers[0] as SampleLedger;
      // The second cut sees the kept token and the made one; half of the latter twice is it.
      const [first, , second] = ledger.tokens.slice(32);
      expect([...(second.weights ?? [])]).toEqual([...(first.weights ?? [])].map((weight) => weight / 2));
      const next = advance(model, result.state, [[11], [12]]);
      expect(next.logits.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  const refused = (added: (view: CutView) => AddedTokens) =>
    method([
      [
        1,
        function* (view) {
          return {
            keep: view.sequence.map((_, sample) => (visualOf(view, sample).length ? [0] : [])),
            added: added(view),
          };
        },
      ],
    ]);
  const weightsOf = ({ sequence }: CutView, fill: (at: number) => number) =>
    tf.tensor3d(sequence.map((slots) => [slots.map((_, at) => fill(at))]));

  it.each<[string, (view: CutView) => AddedTokens, RegExp]>([
    [
      "text",
      (view) => ({ weights: weightsOf(view, () => 1), counts: [1, 0] }),
      /slot 0 is no visual token of the image/,
    ],
    ["nothing", (view) => ({ weights: weightsOf(view, () => 0), counts: [1, 0] }), /new token 0: has no weights/],
    ["NaN", (view) => ({ weights: weightsOf(view, () => Number.NaN), counts: [1, 0] }), /a weight is NaN/],
    ["half a token", (view) => ({ weights: weightsOf(view, () => 0), counts: [0.5, 0] }), /0\.5 new tokens are not an/],
    [
      "too many",
      (view) => ({ weights: weightsOf(view, () => 0), counts: [2, 0] }),
      /2 new tokens are not .* from 0 to 1/,
    ],
    ["tokens of text", (view) => ({ weights: weightsOf(view, () => 0), counts: [0, 1] }), /sample 1: 1 new tokens/],
    ["one count", (view) => ({ weights: weightsOf(view, () => 0), counts: [1] }), /1 counts for 2 samples/],
    [
      "too short rows",
      () => ({ weights: tf.zeros([2, 1, 3]), counts: [1, 0] }),
      /have shape \[2,1,3\], not \[2, most, \d+\]/,
    ],
  ])("are refused when made of %s", (_, added, message) => {
    const { numTensors } = tf.memory();
    expect(() => runSync(() => forward(model, { pixels, prompts: PROMPTS }, refused(added)))).toThrow(message);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe("cuts inside the decoder", () => {
  /** Keeps the first tokens of an image. */
  const keeping = (count: number): Cut =>
    function* (view) {
      yield* [];
      return {
        keep: view.sequence.map((_, sample) =>
          visualOf(view, sample)
            .slice(0, count)
            .map((_, rank) => rank),
        ),
      };
    };

  it("are made in the order of their layers, in whatever order a method lists them", () => {
    const deep = tinyModel({ text: { num_hidden_layers: 12 } });
    tf.tidy(() => {
      const cuts = method([
        [10, keeping(1)],
        [2, keeping(5)],
      ]);
      const { ledgers } = runSync(() => forward(deep, { pixels, prompts: PROMPTS }, cuts));
      expect(enteringPerLayer(ledgers[0] as SampleLedger)).toEqual([32, 32, ...new Array(8).fill(10), 2, 2]);
    });
    disposeModel(deep);
  });
});
