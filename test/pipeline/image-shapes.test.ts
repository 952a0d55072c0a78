import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { record } from "../../src/core/taps.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { imagePositions } from "../../src/methods/nuwa/positions.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { rasterShape } from "../../src/model/image-shape.ts";
import { requireLlava } from "../../src/model/llava/llava.ts";
import { disposeModel, type Vlm, type VlmConfig } from "../../src/model/vlm.ts";
import { splitPrompts } from "../../src/pipeline/placeholders.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { layOut } from "../../src/pipeline/prompts.ts";
import { tinyModel } from "../support-tiny.ts";

/** The placeholder of an image. */
const IMAGE = 3;

describe("placeholders of images of different shapes", () => {
  const config = { imageTokenId: IMAGE, text: { vocabSize: 40 } } as VlmConfig;
  const shapes = [2, 5, 3].map((columns) => rasterShape({ rows: 1, columns }));
  const run = (count: number) => new Array<number>(count).fill(IMAGE);
  const split = (prompts: number[][], imagesOf?: number[][]) => splitPrompts(prompts, config, shapes, imagesOf);

  it("are taken in order, each run by the sizes of its own images", () => {
    const wanted = [
      [{ text: [1] }, { image: 0 }, { text: [2] }, { image: 1 }],
      [{ image: 2 }, { text: [9] }],
    ];
    expect(
      split([
        [1, ...run(2), 2, ...run(5)],
        [...run(3), 9],
      ]),
    ).toEqual(wanted);
    expect(
      split([
        [1, IMAGE, 2, IMAGE],
        [IMAGE, 9],
      ]),
    ).toEqual(wanted);
    // One prompt as written, another as expanded.
    expect(
      split([
        [1, IMAGE, 2, IMAGE],
        [...run(3), 9],
      ]),
    ).toEqual(wanted);
    // Both in one prompt could be read in two ways.
    const mixed = [
      [1, IMAGE, 2, ...run(5)],
      [...run(3), 9],
    ];
    expect(() => split(mixed)).toThrow("which do not fit 3 images");
  });

  it("follow imagesOf where it is given, also out of order and side by side", () => {
    expect(
      split(
        [
          [...run(5), 1, ...run(2)],
          [...run(8), 4],
        ],
        [
          [1, 0],
          [2, 1],
        ],
      ),
    ).toEqual([
      [{ image: 1 }, { text: [1] }, { image: 0 }],
      [{ image: 2 }, { image: 1 }, { text: [4] }],
    ]);
    expect(() => split([[...run(2), 1]], [[1]])).toThrow("imagesOf: image 0 belongs to no prompt");
    expect(() => split([[...run(2), 1]], [[1, 0, 2]])).toThrow("imagesOf: prompt 0 has [1,0,2], but holds 2 images.");
  });

  it("are one for each where an image stands twice, though they could be all tokens of it", () => {
    const [two] = shapes;
    expect(splitPrompts([[...run(2), 9]], config, [two], [[0, 0]])).toEqual([
      [{ image: 0 }, { image: 0 }, { text: [9] }],
    ]);
  });

  it("name the sizes of the prompt's own images when they do not fit", () => {
    expect(() =>
      split(
        [
          [...run(4), 1],
          [IMAGE, IMAGE, 2],
        ],
        [[1], [0, 2]],
      ),
    ).toThrow(
      "prompt 0: holds 4 image tokens (id 3), which do not fit 1 image: found a run of 4. Give one token for the image, " +
        "or 5 in a row.",
    );
    // Where the prompts come from a file, its name stands in front.
    const named =
      (...ids: number[]) =>
      () =>
        splitPrompts([ids], config, shapes.slice(0, 2), undefined, "a: input_ids");
    const needed = "Give one token for each image, or runs of 2 and 5 (where all touch, one of 7).";
    // Split in two, though they are as many; one where two are needed; in the wrong order.
    expect(named(...run(2), 1, ...run(3), 1, ...run(2))).toThrow(
      `a: input_ids: holds 7 image tokens (id 3), which do not fit 2 images: found runs of 2, 3 and 2. ${needed}`,
    );
    expect(named(1, ...run(5))).toThrow(
      `a: input_ids: holds 5 image tokens (id 3), which do not fit 2 images: found a run of 5. ${needed}`,
    );
    expect(named(1, ...run(5), 1, ...run(2))).toThrow(`found runs of 5 and 2. ${needed}`);
    expect(named(1, ...run(6), 1)).toThrow(`found a run of 6. ${needed}`);
    expect(named(1, ...run(2))).not.toThrow();
    expect(() => splitPrompts([[1, IMAGE]], config, shapes.slice(0, 2), undefined, "a: input_ids")).toThrow(
      `a: input_ids: the batch has 2 images, but the prompts hold 1 (image token id 3): found a run of 1. ${needed}`,
    );
    // Those that earlier prompts have left.
    expect(() =>
      split([
        [1, IMAGE],
        [...run(9), 2],
      ]),
    ).toThrow(
      "prompt 1: holds 9 image tokens (id 3), which do not fit 2 images: found a run of 9. Give one token for each image, " +
        "or runs of 5 and 3 (where all touch, one of 8).",
    );
    expect(() => splitPrompts([[1]], config, [], [[0]])).toThrow(
      "imagesOf: prompt 0 has 0, but the batch has no image.",
    );
    expect(() => split([])).toThrow("prompts must be a list of at least one list of token ids.");
  });

  it("are one for each image where there are as many, even if they could be all tokens of one", () => {
    const two = [rasterShape({ rows: 1, columns: 2 }), rasterShape({ rows: 1, columns: 2 })];
    expect(splitPrompts([[IMAGE, IMAGE, 7]], config, two)).toEqual([[{ image: 0 }, { image: 1 }, { text: [7] }]]);
  });
});

describe("separators of two images of a prompt", () => {
  it("stand behind the rows of their own image, at ids behind where it starts", () => {
    // Two rows of two cells, with a separator behind each row.
    const shape = {
      grids: [{ rows: 2, columns: 2 }],
      tiles: [1],
      extraTokens: 0,
      offsets: [[0], [1], [3], [4]],
      separators: [
        { after: 1, offset: [2] },
        { after: 3, offset: [5] },
      ],
      length: 6,
    };
    const token = (image: number, row: number, cell: number) => ({ image, row, cell });
    const images = [0, 1].map(() => ({ shape, method: { positions: "original" as const } }));
    // By their number in the batch. Behind it, images are numbered by their place in the prompt.
    const prompt = [{ text: [7] }, { image: 1 }, { image: 0 }, { text: [8] }];
    // All cells of the first image of the prompt, the last one of the second.
    const visual = [[0, 1, 2, 3].map((cell) => token(0, cell, cell)).concat(token(1, 4, 3))];
    const { sequence, nextPosition } = layOut([prompt], visual, images, 1);
    const words = sequence[0].map((slot) => {
      if (slot?.kind === "visual") return `cell ${slot.cell} of ${slot.image} at ${slot.position}`;
      if (slot?.kind === "separator") return `line ${slot.line} of ${slot.image} at ${slot.position}`;
      return `text at ${slot?.position}`;
    });
    expect(words).toEqual([
      "text at 0",
      "cell 0 of 0 at 1",
      "cell 1 of 0 at 2",
      "line 0 of 0 at 3",
      "cell 2 of 0 at 4",
      "cell 3 of 0 at 5",
      "line 1 of 0 at 6",
      "line 0 of 1 at 9",
      "cell 3 of 1 at 11",
      "line 1 of 1 at 12",
      "text at 13",
    ]);
    expect(nextPosition).toEqual([14]);
  });
});

describe("a class token among the visual tokens", () => {
  let model: Vlm;
  let pixels: tf.Tensor4D;
  beforeAll(async () => {
    await useBackend("wasm");
    model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
    pixels = tf.randomNormal([1, 3, 16, 16], 0, 1, "float32", 7);
  });
  afterAll(() => {
    pixels.dispose();
    disposeModel(model);
  });
  const pass = (method: Method) => {
    const recorder = record(["stage1.tokens", "vision.features"]);
    const result = runSync(() => forward(model, { pixels, prompts: [[1, IMAGE, 7]] }, method, recorder.tap));
    const ledger = result.ledgers[0] as SampleLedger;
    const [tokens, features] = (["stage1.tokens", "vision.features"] as const).map(
      (name) => recorder.get(name).arraySync() as number[][][],
    );
    const next = result.state.layers[0].nextPosition;
    tf.dispose(tensorsIn(result));
    recorder.dispose();
    return { ledger, tokens: tokens[0], features: features[0], next };
  };

  it("comes first, has the image's first id, and counts in the total", () => {
    const { ledger, next } = pass(createMethod("none", model.config));
    expect([ledger.total, ledger.tokens.length, next]).toEqual([17, 17, [19]]);
    expect(ledger.tokens.slice(0, 3).map(({ cell, position }) => [cell, position])).toEqual([
      [-1, [1]],
      [0, [2]],
      [1, [3]],
    ]);
  });

  it("has no weight in the ledger, where the weights of cells stand by their numbers", () => {
    const mixing = {
      ...none(),
      name: "mine",
      *selectPatches() {
        yield* [];
        const row = Array.from({ length: 17 }, (_, source) => (source === 0 ? 0.5 : source === 4 ? 0.25 : 0));
        return { cells: [[3]], weights: tf.tensor3d([[row]]) };
      },
    };
    const [{ weights }] = pass(mixing).ledger.tokens;
    expect([...(weights ?? [])]).toEqual(Array.from({ length: 16 }, (_, cell) => (cell === 3 ? 0.25 : 0)));
  });

  it("is the first feature where a method keeps it beside patches", () => {
    const keeping = {
      ...none(),
      name: "mine",
      *selectPatches() {
        yield* [];
        return { cells: [[5, -1, 2]] };
      },
    };
    const { ledger, tokens, features } = pass(keeping);
    expect(tokens).toEqual([features[6], features[0], features[3]]);
    expect(ledger.tokens.map(({ position }) => position)).toEqual([[7], [1], [4]]);
  });

  it("is refused by name where a LLaVA-1.5 model is needed and another comes", () => {
    expect(requireLlava(model)).toBe(model);
    const other = { ...model, config: { ...model.config, family: "other" } };
    expect(() => requireLlava(other)).toThrow("the model is of the family other, but a LLaVA-1.5 model is needed.");
  });
});

describe("position policies on several axes", () => {
  /** Three rows of two cells; rows and columns are counted apart, and text goes on behind the longer side. */
  const image = {
    offsets: [0, 1, 2, 3, 4, 5].map((cell) => [0, Math.floor(cell / 2), cell % 2]),
    separators: [],
    length: 3,
  };
  const kept = [undefined, image.offsets[2], image.offsets[5]];

  it("original: each axis by itself, the first token without ids at the start", () => {
    expect(imagePositions("original", kept, 10, image)).toEqual({
      visual: [
        [10, 10, 10],
        [10, 11, 10],
        [10, 12, 11],
      ],
      nextPosition: 13,
    });
  });

  it("compressed: no gaps on any axis", () => {
    expect(imagePositions("compressed", kept, 10, image)).toEqual({
      visual: [
        [10, 10, 10],
        [10, 10, 10],
        [10, 11, 11],
      ],
      nextPosition: 12,
    });
  });

  it("rpme: each axis from its start to its own end", () => {
    expect(imagePositions("rpme", kept, 10, image)).toEqual({
      visual: [
        [10, 10, 10],
        [10, 10, 10],
        [10, 12, 11],
      ],
      nextPosition: 13,
    });
  });
});
