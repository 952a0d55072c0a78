import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { type TapName, type TapPoint, tapPoints } from "../../src/core/tap-points.ts";
import { type Meeting, noTap, record, replace, type Tap, type Visit } from "../../src/core/taps.ts";
import { createPruning } from "../../src/methods/registry.ts";
import { familyNamed } from "../../src/model/families.ts";
import type { ImageShape } from "../../src/model/image-shape.ts";
import { windowsOf } from "../../src/model/qwen2_5-vl/windows.ts";
import { disposeModel, type ImageInputs, type Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { type ForwardInputs, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { IMAGE, preparedNoise, tinyFamily } from "../support-families.ts";
import { OTHER_PARTS, tinyModel } from "../support-tiny.ts";

/** Sizes of three pictures, the first and the last of one shape. */
const SIZES = {
  llava: undefined,
  // SigLIP, features of two layers, Qwen2 with stretched positions.
  "llava of other parts": undefined,
  llava_next: [
    [40, 20],
    [16, 45],
    [40, 20],
  ],
  qwen2_5_vl: [
    [40, 24],
    [16, 40],
    [40, 24],
  ],
} as const;
type FamilyName = keyof typeof SIZES;
const FAMILIES = Object.keys(SIZES) as FamilyName[];

/** A tiny model of a family and three images. */
function subject(family: FamilyName): { model: Vlm; three: ImageInputs; one: ImageInputs } {
  if (family === "llava" || family === "llava of other parts") {
    const [one, three] = [1, 3].map((count) => ({ pixels: tf.randomNormal([count, 3, 16, 16], 0, 1, "float32", 7) }));
    return { model: family === "llava" ? tinyModel() : tinyModel(OTHER_PARTS), one, three };
  }
  const { model, preprocessing } = tinyFamily(family);
  const images = preparedNoise(preprocessing, SIZES[family]);
  return { model, three: batchOf(images), one: batchOf([images[0]]) };
}

/** A prefill under Nüwa and a decoding step of two tokens. */
function pass(model: Vlm, inputs: ForwardInputs, tap: Tap, method = "nuwa"): number[] {
  const request = method === "none" ? {} : { average: { ratio: 0.5 } };
  const start = runSync(() => forward(model, inputs, createPruning(method, model.config, request), tap));
  const turn = advance(
    model,
    start.state,
    inputs.prompts.map(() => [5, 6]),
    tap,
  );
  const logits = [...turn.logits.dataSync()];
  tf.dispose(tensorsIn([start, turn]));
  return logits;
}

const pointsOf = ({ config, tapLayers }: Vlm): readonly TapPoint[] =>
  tapPoints(tapLayers, familyNamed(config.family).taps(config));

function shapesOf(model: Vlm, images: ImageInputs): ImageShape[] {
  const shapes: ImageShape[] = [];
  const encoded = runSync(() => model.encode(images, noTap));
  for (const { images: numbers, shape } of encoded) for (const number of numbers) shapes[number] = shape;
  tf.dispose(tensorsIn(encoded));
  return shapes;
}

/** What each letter of a shape is for a value, from the configuration and the shapes of the images alone. */
function lettersOf(name: TapName, { images = [], grid = 0, step }: Visit, model: Vlm, shapes: readonly ImageShape[]) {
  const { text } = model.config;
  const { vision } = model.config as unknown as { vision: Record<string, number> };
  const ofTower = name.startsWith("vision.");
  const heads = vision.numHeads ?? vision.numAttentionHeads;
  const own = shapes[images[0] ?? 0];
  const N = own.grids[grid].rows * own.grids[grid].columns;
  return {
    I: images.length,
    T: images.length,
    N,
    n: 16,
    P: 4 * N,
    w: 4 * Math.max(...windowsOf(own.grids[0], 2).lengths),
    D: vision.hiddenSize,
    F: 2 * vision.hiddenSize,
    Hd: text.hiddenSize,
    H: 16,
    W: 16,
    h: ofTower ? heads : text.numAttentionHeads,
    d: ofTower ? vision.hiddenSize / heads : text.headDim,
    g: text.numKeyValueHeads,
    s: own.separators.length,
    V: text.vocabSize,
    ...(step === 1 ? { Q: 2 } : {}),
  };
}

/**
 * The letters of a shape that only a pass can know (B, S, k, Q), as they must be for it to be that of a value.
 *
 * @returns undefined where it cannot be
 */
function solved(shape: string, actual: readonly number[], known: Readonly<Record<string, number>>) {
  const axes = shape.slice(1, -1).split(", ");
  if (axes.length !== actual.length) return undefined;
  const letters: Record<string, number> = { ...known };
  for (const [i, axis] of axes.entries()) {
    const [unknown, ...others] = axis.split("+").filter((term) => !/^\d+$/.test(term) && !(term in letters));
    const sum = axis.split("+").reduce((total, term) => total + (letters[term] ?? (Number(term) || 0)), 0);
    if (others.length > 0 || (unknown === undefined && sum !== actual[i])) return undefined;
    if (unknown !== undefined) letters[unknown] = actual[i] - sum;
  }
  return letters;
}

describe.each(FAMILIES)("the points of %s", (family) => {
  let model: Vlm;
  let three: ImageInputs;
  let one: ImageInputs;
  beforeAll(async () => {
    await useBackend("wasm");
    ({ model, three, one } = subject(family));
  });
  afterAll(() => {
    tf.dispose([three.pixels, one.pixels]);
    disposeModel(model);
  });
  const PROMPTS = {
    one: [[1, IMAGE, 7, 9]],
    three: [
      [1, IMAGE, 9],
      [1, IMAGE, 8, IMAGE, 9, 4],
    ],
  };

  it("are all met under Nüwa, with the shapes that are listed, in the prefill and in decoding", () => {
    for (const [images, prompts] of [
      [one, PROMPTS.one],
      [three, PROMPTS.three],
    ] as const) {
      const shapes = shapesOf(model, images);
      const points = pointsOf(model);
      const recorder = record(points.map(({ name }) => name));
      pass(model, { ...images, prompts }, recorder.tap);
      const B = prompts.length;
      // Rows that enter the decoder, the separators of each image included; s is that of the first image.
      const cells = recorder.get("stage1.indices").arraySync() as number[][];
      const rows = cells.map((own, i) => own.filter((cell) => cell > -2).length + shapes[i].separators.length);
      const kept = Math.max(...rows) - shapes[0].separators.length;
      for (const { name, shape } of points)
        for (const step of recorder.steps(name).length > 0 ? recorder.steps(name) : [Number.NaN]) {
          expect(step, `${name} is met`).not.toBeNaN();
          for (const { value, visit } of recorder.all(name, step)) {
            const known: Record<string, number> = { ...lettersOf(name, visit, model, shapes), B };
            if (name === "projector.output") known.k = kept;
            const letters = solved(shape, value.shape, known);
            expect(letters, `${name}@${step}: ${shape} is [${value.shape}]`).toBeDefined();
            if (step === 0 && letters?.S !== undefined && letters.Q !== undefined) expect(letters.Q).toBe(letters.S);
          }
        }
      recorder.dispose();
    }
  });

  const inOne = (meeting: Meeting, row: number) => meeting.value.gather([row]);

  it("say of which images and which grid a value is, and nothing of them is lost", () => {
    const names = ["vision.features", "vision.1.attention", "stage1.salience", "stage1.weights"] as const;
    const recorder = record([...names, "stage2.scores"]);
    pass(model, { ...three, prompts: PROMPTS.three }, recorder.tap);
    const alone = [0, 1, 2].map((image) => {
      const own = record(names);
      const single =
        SIZES[family] === undefined ? { pixels: three.pixels.gather([image]) } : singleOf(three, image, family);
      pass(model, { ...single, prompts: [[1, IMAGE, 9]] }, own.tap);
      single.pixels.dispose();
      return own;
    });
    const grids = family === "llava_next" ? 2 : 1;
    const groups = SIZES[family] === undefined ? [[0, 1, 2]] : [[0, 2], [1]];
    for (const name of ["stage1.salience", "stage1.weights"] as const) {
      const met = recorder.all(name);
      expect(met.map(({ visit }) => [visit.images, visit.grid])).toEqual(
        groups.flatMap((images) => Array.from({ length: grids }, (_, grid) => [images, grid])),
      );
      for (const meeting of met)
        meeting.visit.images?.forEach((image, row) => {
          const own = alone[image as number].all(name)[meeting.visit.grid ?? 0].value;
          expectNear(inOne(meeting, row), own);
        });
      if (met.length === 1) expect(recorder.get(name)).toBe(met[0].value);
      else
        expect(() => recorder.get(name)).toThrow(`tap "${name}" was met ${met.length} times, at images=0,2/grid=0, `);
    }
    for (const name of ["vision.features", "vision.1.attention"] as const) {
      const rows = recorder
        .all(name)
        .flatMap((meeting) => (meeting.visit.images ?? []).map((image, row) => ({ image, row, meeting })));
      for (const image of [0, 1, 2]) {
        const own = rows.filter((row) => row.image === image);
        const wanted = alone[image].get(name);
        expect(own).toHaveLength(wanted.shape[0]);
        own.forEach(({ row, meeting }, i) => {
          expectNear(inOne(meeting, row), wanted.gather([i]));
        });
      }
    }
    // Both prompts show their first image, then the second one its second, each to its own method.
    const cut = recorder.all("stage2.scores").map(({ visit }) => visit);
    expect(new Set(cut.flatMap(({ images = [] }) => images.filter((image) => image !== undefined)))).toEqual(
      new Set([0, 1, 2]),
    );
    expect(cut.every(({ layer, sequence }) => layer !== undefined && sequence !== undefined)).toBe(true);
    for (const own of [recorder, ...alone]) own.dispose();
  });

  it("do not change what is computed when they are recorded, nor when each value is put back", () => {
    const inputs = { ...three, prompts: PROMPTS.three };
    const plain = pass(model, inputs, noTap);
    const recorder = record(pointsOf(model).map(({ name }) => name));
    expect(pass(model, inputs, recorder.tap)).toEqual(plain);
    recorder.dispose();
    const same = replace({ "vision.0.attention": (x) => x.clone(), "vision.0.attention_scores": (x) => x.clone() });
    expect(pass(model, inputs, same)).toEqual(plain);
  });

  it("let an intervention change one image, or one grid, and no other", () => {
    const inputs = {
      ...three,
      prompts: [0, 1, 2].map(() => [1, IMAGE, 9]),
    };
    const plain = record(["stage1.tokens"]);
    const changed = record(["stage1.tokens"]);
    pass(model, inputs, plain.tap);
    const last = family === "llava_next" ? 1 : 0;
    const flatten = replace({
      "stage1.weights": (w, visit) =>
        tf.tidy(() => {
          if (visit?.grid !== last) return w;
          const own = tf.tensor1d((visit.images ?? []).map((image) => (image === 2 ? 0 : 1))).reshape([-1, 1, 1]);
          return w.mul(own);
        }),
    });
    pass(model, inputs, (name, x, visit) => changed.tap(name, flatten(name, x, visit), visit));
    const [before, after] = [plain, changed].map(({ get }) => get("stage1.tokens").arraySync() as number[][][]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toEqual(before[2]);
    if (family === "llava_next") expect(after[2][0]).toEqual(before[2][0]);
    plain.dispose();
    changed.dispose();
  });
});

/** One image of a batch. */
function singleOf({ pixels, sizes = [] }: ImageInputs, image: number, family: FamilyName): ImageInputs {
  const counts = sizes.map((size) => {
    if (family === "qwen2_5_vl") return size[1] * size[2];
    const [height, width] = size;
    // 40 by 20 pixels are two tiles and the base tile, 16 by 45 three.
    return width > height ? 3 : 4;
  });
  const start = counts.slice(0, image).reduce((sum, count) => sum + count, 0);
  return { pixels: pixels.slice([start], [counts[image]]), sizes: [sizes[image]] };
}

function expectNear(actual: tf.Tensor, wanted: tf.Tensor): void {
  expect(actual.shape).toEqual(wanted.shape);
  const error = tf.tidy(() => actual.sub(wanted).abs().max().dataSync()[0]);
  expect(error).toBeLessThan(1e-4);
}
