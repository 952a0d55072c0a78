import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { type Readback, runSync, tensorsIn } from "../../src/core/readback.ts";
import { record } from "../../src/core/taps.ts";
import { sharedOut } from "../../src/methods/budget.ts";
import { enteringPerLayer, gridLedgers, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Cut, Method } from "../../src/methods/method.ts";
import { takesAverage } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { createMethod, createPruning, METHODS, methodNamed } from "../../src/methods/registry.ts";
import type { ImageShape } from "../../src/model/image-shape.ts";
import { disposeModel, type EncodedGrid, type EncodedImages, type Vlm } from "../../src/model/vlm.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { relativeError } from "../support.ts";
import { tinyModel } from "../support-tiny.ts";

/** The placeholder of an image. */
const IMAGE = 3;
let model: Vlm;
let pixels: tf.Tensor4D;

beforeAll(async () => {
  await useBackend("wasm");
  model = tinyModel();
  pixels = tf.randomNormal([3, 3, 16, 16], 0, 1, "float32", 7);
});
afterAll(() => {
  pixels.dispose();
  disposeModel(model);
});

function pass(vlm: Vlm, inputs: ForwardInputs, method = "none", average?: number): ForwardResult {
  const request = average === undefined ? {} : { average: { ratio: average } };
  return runSync(() => forward(vlm, inputs, createPruning(method, vlm.config, request)));
}

const logitsOf = ({ logits }: ForwardResult) => [...logits.dataSync()];

/**
 * A family that shows an image as its upper and its lower rows, two grids; the upper one of images with an even number
 * has a row more. Ids are those of the whole image.
 */
function inTwoGrids(whole: Vlm): Vlm {
  const shapeOf = (image: number): ImageShape => {
    const rows = image % 2 === 0 ? 3 : 2;
    return {
      grids: [
        { rows, columns: 4 },
        { rows: 4 - rows, columns: 4 },
      ],
      tiles: [1, 1],
      extraTokens: 0,
      offsets: Array.from({ length: 16 }, (_, id) => [id]),
      separators: [],
      length: 16,
    };
  };
  return {
    ...whole,
    config: { ...whole.config, family: "halves", imageShape: undefined },
    shapesOf: (inputs) => whole.shapesOf(inputs).map((_, image) => shapeOf(image)),
    *encode(inputs, tap): Readback<EncodedImages[]> {
      const [{ images, grids }] = yield* whole.encode(inputs, tap);
      const groups = [0, 1].map((parity) => images.filter((image) => image % 2 === parity));
      return groups
        .filter((own) => own.length > 0)
        .map((own) => {
          const shape = shapeOf(own[0]);
          const starts = [0, shape.grids[0].rows * 4];
          const partOf = (grid: number): EncodedGrid => {
            const size = shape.grids[grid].rows * 4;
            const part = <T extends tf.Tensor>(x: T, axis = 1): T =>
              tf.gather(tf.gather(x, [...own]), tf.range(starts[grid], starts[grid] + size, 1, "int32"), axis) as T;
            const [seen] = grids;
            return {
              ...seen,
              grid: shape.grids[grid],
              features: part(seen.features),
              clsAttention: part(seen.clsAttention),
              keyNorms: part(seen.keyNorms),
              meanState: (first, last) => part(seen.meanState(first, last)),
              classFeature: seen.classFeature && tf.gather(seen.classFeature, [...own]),
            };
          };
          return { images: own, shape, grids: [partOf(0), partOf(1)] };
        });
    },
  };
}

describe("several images in a prompt", () => {
  it("have the logits of one prompt with their tokens in place, and decode from caches", () => {
    tf.tidy(() => {
      const prompt = [1, IMAGE, 7, 8, IMAGE, 9];
      const two = pixels.slice([0, 0, 0, 0], [2, -1, -1, -1]);
      const start = pass(model, { pixels: two, prompts: [prompt] });
      const expanded = [1, ...new Array<number>(16).fill(IMAGE), 7, 8, ...new Array<number>(16).fill(IMAGE), 9];
      expect(logitsOf(pass(model, { pixels: two, prompts: [expanded] }))).toEqual(logitsOf(start));
      const ledger = start.ledgers[0] as SampleLedger;
      expect([ledger.total, ledger.textTokens, ledger.images.length]).toEqual([32, 4, 2]);
      expect(ledger.tokens.map(({ position: [id] }) => id)).toEqual(
        [1, 19].flatMap((from) => Array.from({ length: 16 }, (_, cell) => from + cell)),
      );
      const turn = advance(model, start.state, [[11]]);
      const whole = pass(model, { pixels: two, prompts: [[...prompt, 11]] });
      expect(relativeError(turn.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
      // Their order matters, and so does their place.
      const swapped = pass(model, { pixels: two, prompts: [prompt], imagesOf: [[1, 0]] });
      expect(relativeError(logitsOf(swapped), logitsOf(start))).toBeGreaterThan(1e-6);
    });
  });

  it("side by side: one placeholder each, or all of their tokens in a row", () => {
    tf.tidy(() => {
      const two = pixels.slice([0, 0, 0, 0], [2, -1, -1, -1]);
      const short = pass(model, { pixels: two, prompts: [[1, IMAGE, IMAGE, 9]] });
      const long = pass(model, { pixels: two, prompts: [[1, ...new Array<number>(32).fill(IMAGE), 9]] });
      expect(logitsOf(long)).toEqual(logitsOf(short));
      expect(() => pass(model, { pixels: two, prompts: [[1, ...new Array<number>(17).fill(IMAGE), 9]] })).toThrow(
        "prompt 0: holds 17 image tokens (id 3), which do not fit 2 images: found a run of 17. Give one token for each " +
          "image, or runs of 16 and 16 (where all touch, one of 32).",
      );
      expect(() => pass(model, { pixels: two, prompts: [[1, IMAGE, 9]] })).toThrow(
        "the batch has 2 images, but the prompts hold 1 (image token id 3)",
      );
    });
  });

  it.each(METHODS.map(({ name }) => name))("are each pruned as if the other were not there (%s)", (method) => {
    tf.tidy(() => {
      const average = takesAverage(methodNamed(method)) ? 0.4 : undefined;
      const both = pass(
        model,
        {
          pixels,
          prompts: [
            [1, IMAGE, 9],
            [1, 5, IMAGE, 7, IMAGE, 9],
            [1, 4],
          ],
        },
        method,
        average,
      );
      const alone = pass(
        model,
        {
          pixels,
          prompts: [
            [1, IMAGE, 9],
            [1, IMAGE, 9],
            [1, IMAGE, 9],
          ],
        },
        method,
        average,
      );
      const own = both.ledgers[1] as SampleLedger;
      const cells = ({ tokens }: SampleLedger, image: number) =>
        tokens.filter((token) => token.image === image && token.firstLayer === 0).map(({ cell }) => cell);
      expect(both.ledgers[2]).toBeUndefined();
      [0, 1].forEach((image) => {
        const single = alone.ledgers[1 + image] as SampleLedger;
        expect(cells(own, image)).toEqual(cells(single, 0));
        // What the text asks for may differ; how many tokens it gets may not, where a budget says so.
        if (methodNamed(method).publishedOnly) return;
        const counts = { ...own, tokens: own.tokens.filter((token) => token.image === image) };
        expect(enteringPerLayer(counts)).toEqual(enteringPerLayer(single));
      });
      const turn = advance(model, both.state, [[11], [12], [13]]);
      expect(turn.logits.shape).toEqual([3, 40]);
    });
  });
});

describe("several grids of an image", () => {
  it("together are the image: where everything is kept, the logits are those of one grid, to the bit", () => {
    const halves = inTwoGrids(model);
    tf.tidy(() => {
      const inputs = {
        pixels,
        prompts: [
          [1, IMAGE, 9],
          [1, IMAGE, 7, IMAGE, 9],
        ],
      };
      for (const method of ["none", "nuwa"]) {
        const average = method === "none" ? undefined : 1;
        const [one, two] = [model, halves].map((vlm) => pass(vlm, inputs, method, average));
        expect(logitsOf(two)).toEqual(logitsOf(one));
      }
    });
  });

  it("are pruned by themselves, share the budget by their tiles, and stage 2 compares all of an image", () => {
    const halves = inTwoGrids(model);
    tf.tidy(() => {
      const recorder = record(["stage1.indices", "stage1.tokens"]);
      const { budget, cutLayer } = (METHODS.find(({ name }) => name === "nuwa") as (typeof METHODS)[number]).budget(
        { ratio: 0.4 },
        { ...model.config.facts, family: "llava", grids: [], tiles: [], total: 16 },
      ) as {
        budget: { stage1: number; stage2: number };
        cutLayer: number;
      };
      const pruning = createPruning("nuwa", halves.config, { average: { ratio: 0.4 } });
      const inputs = {
        pixels,
        prompts: [
          [1, IMAGE, 9],
          [1, IMAGE, 7, IMAGE, 9],
        ],
      };
      const result = runSync(() => forward(halves, inputs, pruning, recorder.tap));
      const kept = [3, 2].map((rows) => {
        const grids = [rows, 4 - rows].map((own) => ({ rows: own, columns: 4 }));
        return sharedOut(budget.stage1, { grids, tiles: [1, 1] }).reduce((sum, share) => sum + share, 0);
      });
      expect(recorder.get("stage1.tokens").shape).toEqual([3, Math.max(...kept), 16]);
      for (const [sample, images] of [1, 2].entries()) {
        const ledger = result.ledgers[sample] as SampleLedger;
        const entering = enteringPerLayer(ledger);
        expect(entering[0]).toBe(sample === 0 ? kept[0] : kept[1] + kept[0]);
        expect(entering[cutLayer]).toBe(images * budget.stage2);
        for (let image = 0; image < images; image++)
          for (const { grid, tokens } of gridLedgers(ledger, image)) {
            expect(tokens.size).toBeGreaterThan(0);
            for (const [cell, { weights }] of tokens) {
              expect(cell).toBeLessThan(grid.rows * grid.columns);
              // A grid that is kept whole is not mixed.
              if (tokens.size < grid.rows * grid.columns) expect(weights?.length).toBe(16);
            }
          }
      }
      recorder.dispose();
    });
  });

  it.each(["kept", "anew"] as const)(
    "are cut by the methods of their own shapes: one may cut, another not (ids %s)",
    (ids) => {
      const halves = inTwoGrids(model);
      const cut: Cut = function* ({ sequence }) {
        yield* [];
        return { keep: sequence.map((slots) => (slots.some((slot) => slot?.kind === "visual") ? [2] : [])) };
      };
      // Images with an even number have a row more in the upper grid.
      const pruning = ({ grids }: ImageShape): Method =>
        grids[0].rows === 3
          ? { ...none(), name: "cutting", positions: "compressed", idsAfterCut: ids, cuts: new Map([[1, cut]]) }
          : none();
      tf.tidy(() => {
        const two = pixels.slice([0, 0, 0, 0], [2, -1, -1, -1]);
        const behind = (order: number[]) => {
          const inputs = { pixels: two, prompts: [[1, IMAGE, 7, IMAGE, 9]], imagesOf: [order] };
          const { state } = runSync(() => forward(halves, inputs, pruning));
          return state.layers[1].sequence[0].map((slot) => [
            slot?.kind === "visual" ? slot.cell : slot?.kind,
            ...(slot?.position ?? []),
          ]);
        };
        const whole = (start: number) => Array.from({ length: 16 }, (_, cell) => [cell, start + cell]);
        // The third token of the first image stays; what stands behind it moves up where ids are given anew.
        const next = ids === "anew" ? 2 : 17;
        expect(behind([0, 1])).toEqual([
          ["text", 0],
          [2, ids === "anew" ? 1 : 3],
          ["text", next],
          ...whole(next + 1),
          ["text", next + 17],
        ]);
        const last = ids === "anew" ? 19 : 34;
        expect(behind([1, 0])).toEqual([
          ["text", 0],
          ...whole(1),
          ["text", 17],
          [2, ids === "anew" ? 18 : 20],
          ["text", last],
        ]);
      });
    },
  );

  it("need a method for each shape: one made for a single shape is refused with the reason", () => {
    const halves = inTwoGrids(model);
    expect(() => createMethod("nuwa", halves.config)).toThrow("images of this model have many shapes");
  });

  it("leave no tensor behind", () => {
    const halves = inTwoGrids(model);
    const { numTensors } = tf.memory();
    const inputs = {
      pixels,
      prompts: [
        [1, IMAGE, 9],
        [1, IMAGE, 7, IMAGE, 9],
      ],
    };
    tf.dispose(tensorsIn(pass(halves, inputs, "nuwa", 0.4)));
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe("position ids of several axes", () => {
  /** The same model with ids of two axes: half of the pairs turn with each. */
  const twoAxes = (offsetOf: (cell: number) => number[], length: number): Vlm => {
    const imageShape = {
      grids: [{ rows: 4, columns: 4 }],
      tiles: [1],
      extraTokens: 0,
      offsets: Array.from({ length: 16 }, (_, cell) => offsetOf(cell)),
      separators: [],
      length,
    };
    const config = { ...model.config, imageShape, text: { ...model.config.text, ropeSections: [1, 1] } };
    return {
      ...model,
      config,
      shapesOf: (inputs) => model.shapesOf(inputs).map(() => imageShape),
      *encode(inputs, tap) {
        const encoded = yield* model.encode(inputs, tap);
        return encoded.map((images) => ({ ...images, shape: imageShape }));
      },
    };
  };
  const inputs = () => ({ pixels: pixels.slice([0, 0, 0, 0], [1, -1, -1, -1]), prompts: [[1, IMAGE, 7, 9]] });

  it("that are equal on every axis turn as those of one axis do", () => {
    tf.tidy(() => {
      const plain = pass(model, inputs());
      expect(
        logitsOf(
          pass(
            twoAxes((cell) => [cell, cell], 16),
            inputs(),
          ),
        ),
      ).toEqual(logitsOf(plain));
    });
  });

  it("stand in the dump axis by axis, reach the logits, and text goes on behind the image on all of them", () => {
    tf.tidy(() => {
      const grid = twoAxes((cell) => [Math.floor(cell / 4), cell % 4], 4);
      const recorder = record(["position_ids"]);
      const start = runSync(() => forward(grid, inputs(), createMethod("none", grid.config), recorder.tap));
      const cells = Array.from({ length: 16 }, (_, cell) => cell);
      expect(recorder.get("position_ids").arraySync()).toEqual([
        [
          [0, ...cells.map((cell) => 1 + Math.floor(cell / 4)), 5, 6],
          [0, ...cells.map((cell) => 1 + (cell % 4)), 5, 6],
        ],
      ]);
      recorder.dispose();
      expect(start.state.layers[0].nextPosition).toEqual([7]);
      expect(relativeError(logitsOf(start), logitsOf(pass(model, inputs())))).toBeGreaterThan(1e-6);
      const turn = advance(grid, start.state, [[11]]);
      const whole = pass(grid, { ...inputs(), prompts: [[1, IMAGE, 7, 9, 11]] });
      expect(relativeError(turn.logits.dataSync(), whole.logits.dataSync())).toBeLessThan(1e-5);
    });
  });
});
