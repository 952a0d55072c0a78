import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measureCost } from "../../src/analysis/cost/meter.ts";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { TapName } from "../../src/core/tap-points.ts";
import { noTap, record, type Tap, type Visit } from "../../src/core/taps.ts";
import type { Cut, CutView, Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { createPruning } from "../../src/methods/registry.ts";
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

function prefill(images: 1 | 2, method: Method, tap: Tap) {
  const prompt = [1, IMAGE, 9, ...(images === 2 ? [IMAGE, 8] : [])];
  const own = pixels.slice([0], [images]);
  const result = runSync(() => forward(model, { pixels: own, prompts: [prompt] }, method, tap));
  own.dispose();
  return result;
}

const made = (name: string) => createPruning(name, model.config, { average: { ratio: 0.5 } }) as Method;

describe("lists of indices", () => {
  it("are filled with −2, which is neither a cell nor a token without one, where an image keeps fewer", () => {
    const recorder = record(["stage1.indices", "final.indices"]);
    const method: Method = {
      ...none(),
      name: "uneven",
      *selectPatches() {
        yield* [];
        return { cells: [[5], [1, 0, 3]] };
      },
    };
    const prompts = [
      [1, IMAGE],
      [IMAGE, 4],
    ];
    tf.dispose(tensorsIn(runSync(() => forward(model, { pixels, prompts }, method, recorder.tap))));
    for (const name of ["stage1.indices", "final.indices"] as const)
      expect(recorder.get(name).arraySync()).toEqual([
        [5, -2, -2],
        [1, 0, 3],
      ]);
    recorder.dispose();
  });
});

describe("what a visit says", () => {
  it("is the same pass throughout a prefill, and another one in each decoding step", () => {
    const visits: [TapName, Visit][] = [];
    const tap: Tap = (name, x, visit = {}) => {
      visits.push([name, visit]);
      return x;
    };
    const start = prefill(2, made("nuwa"), tap);
    const first = advance(model, start.state, [[5]], tap, 1);
    const second = advance(model, first.state, [[6]], tap, 2);
    tf.dispose(tensorsIn([start, first, second]));
    const passes = [0, 1, 2].map((step) => new Set(visits.filter(([, v]) => v.step === step).map(([, v]) => v.pass)));
    for (const own of passes) expect([own.size, own.has(undefined)]).toEqual([1, false]);
    expect(new Set(passes.flatMap((own) => [...own])).size).toBe(3);
  });

  it("lets a recorder tell a second prefill from the first, also where the two meet no place twice", () => {
    const recorder = record(["stage1.salience"]);
    for (const images of [1, 2] as const) tf.dispose(tensorsIn(prefill(images, made("nuwa"), recorder.tap)));
    expect(recorder.all("stage1.salience").map(({ visit }) => visit.images)).toEqual([[0, 1]]);
    recorder.dispose();
  });

  it("is, at a cut, before which layer it is made", () => {
    const recorder = record(["stage2.scores", "stage2.indices"]);
    const method = made("pyramiddrop");
    tf.dispose(tensorsIn(prefill(1, method, recorder.tap)));
    const layers = [...method.cuts.keys()];
    expect(layers.length).toBeGreaterThan(1);
    for (const name of ["stage2.scores", "stage2.indices"] as const)
      expect(recorder.all(name).map(({ visit }) => visit.layer)).toEqual(layers);
    recorder.dispose();
  });
});

describe("the attention that the next layer would pay", () => {
  /** Keeps everything, and asks for the attention so many times. */
  const asking = (times: number, seen: (view: CutView) => void = () => undefined): Method => {
    const cut: Cut = function* (view) {
      for (let i = 0; i < times; i++) seen(view);
      yield* [];
      const count = view.sequence[0].filter((slot) => slot?.kind === "visual").length;
      return { keep: [Array.from({ length: count }, (_, rank) => rank)] };
    };
    return { ...none(), name: "asking", cuts: new Map([[2, cut]]) };
  };

  it("is what that layer then pays where nothing is dropped, padding and later tokens left out", () => {
    const recorder = record(["llm.2.attention"]);
    const ahead: tf.Tensor[] = [];
    const cut: Cut = function* (view) {
      ahead.push(tf.keep(view.attentionAhead().clone()));
      yield* [];
      return { keep: view.sequence.map(() => [...Array(16).keys()]) };
    };
    const method = { ...none(), name: "asking", cuts: new Map([[2, cut]]) };
    const prompts = [
      [1, IMAGE, 9],
      [4, 5, IMAGE, 6, 7, 8],
    ];
    const result = runSync(() => forward(model, { pixels, prompts }, method, recorder.tap));
    // Rows of padding, behind the 18 tokens of the first prompt, mean nothing.
    for (const [sample, rows] of [
      [0, 18],
      [1, 21],
    ]) {
      const [own, paid] = [ahead[0], recorder.get("llm.2.attention")].map((x) => {
        const part = x.slice([sample, 0, 0, 0], [1, -1, rows, -1]);
        const values = part.dataSync();
        part.dispose();
        return values;
      });
      expect(relativeError(own, paid)).toBeLessThan(1e-6);
    }
    tf.dispose([ahead, tensorsIn(result)]);
    recorder.dispose();
  });

  it("is computed once, however often and for however many images it is asked for", () => {
    const asked: tf.Tensor[] = [];
    const method = asking(2, (view) => asked.push(view.attentionAhead()));
    tf.dispose(tensorsIn(prefill(2, method, noTap)));
    expect(asked).toHaveLength(4);
    expect(new Set(asked).size).toBe(1);
  });

  it("may be asked for in a scope of its own, image by image, as the attention of the layer before may", () => {
    const first: number[][] = [];
    const method = asking(1, (view) => {
      tf.tidy(() => {
        const seen = [view.attention as tf.Tensor4D, view.attentionRows([[0]]), view.attentionAhead([[0]])];
        first.push(seen.map((x) => x.slice([0, 0, 0, 0], [1, 1, 1, 1]).dataSync()[0]));
      });
    });
    tf.dispose(tensorsIn(prefill(2, method, noTap)));
    // The first token sees itself alone.
    for (const values of first) for (const value of values) expect(value).toBeCloseTo(1, 6);
    expect(first).toHaveLength(2);
  });

  it("is counted once in the cost", async () => {
    const costs: number[] = [];
    for (const times of [0, 1, 2]) {
      const method = asking(times, (view) => view.attentionAhead());
      const { result, cost } = await measureCost((tap) => prefill(2, method, tap));
      tf.dispose(tensorsIn(result));
      costs.push(cost.selection);
    }
    expect(costs[1]).toBeGreaterThan(costs[0]);
    expect(costs[2]).toBe(costs[1]);
  });
});
