import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { FRACTIONS } from "../../../src/core/boxes.ts";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import { runSync, tensorsIn } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import { answerBatch } from "../../../src/eval/run/answers.ts";
import { CONTROLS, halvedPositions, permutedPositions, type Run } from "../../../src/eval/run/controls.ts";
import { loadVlm } from "../../../src/io/load.ts";
import { none } from "../../../src/methods/none.ts";
import { imagePositions } from "../../../src/methods/nuwa/positions.ts";
import { rasterShape } from "../../../src/model/image-shape.ts";
import type { Llava } from "../../../src/model/llava/llava.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { relativeError } from "../../support.ts";
import { tinyModel } from "../../support-tiny.ts";
import { microModel, removeFolders } from "../support.ts";

const IMAGE = rasterShape({ rows: 4, columns: 4 });
const ALL = Array.from({ length: 16 }, (_, i) => [i]);
const PROMPT = [1, 2, 3, 10, 11, 12];

/** Pixels of 32×32 as preprocessing gives them. */
const imageOf = (values: Float32Array) => ({
  pixelValues: { shape: [3, 32, 32], values },
  pictures: [{ width: 32, height: 32, pixels: new Uint8Array(3 * 32 * 32), cellName: "patches" }],
  boxUnit: FRACTIONS,
});

describe("the controls", () => {
  let model: Llava;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel();
  });
  afterAll(() => {
    disposeModel(model);
    removeFolders();
  });

  /** Logits and position ids of a run on one of two pictures. */
  function see({ method, tap }: Run, picture: number) {
    const random = randomFrom(picture);
    const pixels = tf.tensor4d(
      Float32Array.from({ length: 3 * 256 }, () => normal(random)),
      [1, 3, 16, 16],
    );
    const result = runSync(() => forward(model, { pixels, prompts: [PROMPT] }, method, tap));
    const positions = result.ledgers[0]?.tokens.map(({ position }) => position) ?? [];
    const logits = result.logits.dataSync().slice();
    tf.dispose([pixels, ...tensorsIn(result)]);
    return { logits, positions, next: result.state.layers[0].nextPosition[0] };
  }

  it("permuted: the ids are those of the unpruned model in another order, which the seed decides", () => {
    const { visual, nextPosition: next } = imagePositions(permutedPositions(5), ALL, 2, IMAGE);
    const plain = imagePositions("original", ALL, 2, IMAGE);
    expect(visual).not.toEqual(plain.visual);
    expect([...visual].sort(([a], [b]) => a - b)).toEqual(plain.visual);
    expect(next).toBe(plain.nextPosition);
    expect(imagePositions(permutedPositions(5), ALL, 2, IMAGE).visual).toEqual(visual);
    expect(imagePositions(permutedPositions(6), ALL, 2, IMAGE).visual).not.toEqual(visual);
  });

  it("compressed-range: two neighbours share an id, and the text follows the last one", () => {
    expect(
      imagePositions(halvedPositions, [[0], [1], [2], [3], [4]], 10, rasterShape({ rows: 1, columns: 5 })),
    ).toEqual({
      visual: [[10], [10], [11], [11], [12]],
      nextPosition: 13,
    });
  });

  it("reach the decoder: the ledger holds their ids and the logits change", () => {
    const plain = see({ method: none(), tap: noTap }, 1);
    for (const [name, positions] of [
      ["permuted", permutedPositions(5)],
      ["compressed-range", halvedPositions],
    ] as const) {
      const control = see(CONTROLS[name].run(5), 1);
      const { visual, nextPosition: next } = positions(ALL, 2, IMAGE);
      expect(control.positions, name).toEqual(visual);
      expect(control.next, name).toBe(next + 3);
      expect(relativeError(control.logits, plain.logits), name).toBeGreaterThan(1e-6);
    }
  });

  it("blind: the result does not depend on the picture, and the ids stay", () => {
    const [one, other] = [1, 2].map((picture) => see(CONTROLS.blind.run(), picture));
    expect([...one.logits]).toEqual([...other.logits]);
    expect(one.positions).toEqual(see({ method: none(), tap: noTap }, 1).positions);
    const [seen, otherwise] = [1, 2].map((picture) => see({ method: none(), tap: noTap }, picture));
    expect(relativeError(seen.logits, otherwise.logits)).toBeGreaterThan(1e-6);
  });

  it("grey: pictures that have different answers otherwise have the same", async () => {
    const vlm = loadVlm(await microModel());
    const pictures = [1, 2, 3, 4].map((seed) => {
      const random = randomFrom(seed);
      return Float32Array.from({ length: 3 * 32 * 32 }, () => 2 * normal(random));
    });
    const question = "What colour is the large thing?";
    const ask = async (run: Run) =>
      new Set(
        (
          await answerBatch(
            vlm,
            pictures.map((values) => ({ image: imageOf(values), question })),
            run,
            16,
          )
        ).map(({ answer }) => answer),
      ).size;
    expect(await ask({ method: none(), tap: noTap })).toBeGreaterThan(1);
    expect(await ask(CONTROLS.grey.run())).toBe(1);
    disposeModel(vlm.model);
  });

  it("a batch of answers frees all it made", async () => {
    const vlm = loadVlm(await microModel());
    const pixels = new Float32Array(3 * 32 * 32);
    const before = tf.memory().numTensors;
    const [{ entering, leaving }] = await answerBatch(
      vlm,
      [{ image: imageOf(pixels), question: "Is there a red circle?" }],
      CONTROLS.blind.run(),
      16,
    );
    expect(tf.memory().numTensors).toBe(before);
    expect([entering, leaving]).toEqual([
      [16, 16],
      [16, 16],
    ]);
    disposeModel(vlm.model);
  });
});

it("a position function that gives too few ids, or none of RoPE's, is refused", () => {
  expect(() => imagePositions(() => ({ visual: [[1]], nextPosition: 2 }), [[0], [1]], 0, IMAGE)).toThrow(
    /1 ids for 2 visual tokens/,
  );
  expect(() => imagePositions(() => ({ visual: [[0], [0.5]], nextPosition: 2 }), [[0], [1]], 0, IMAGE)).toThrow(
    /an integer from 0/,
  );
});
