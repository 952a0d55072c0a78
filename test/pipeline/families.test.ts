import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { patchCount } from "../../src/core/grid.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import { noTap, record } from "../../src/core/taps.ts";
import { sharedOut } from "../../src/methods/budget.ts";
import { enteringPerLayer, gridLedgers, type SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { takesAverage } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import type { NuwaRequest } from "../../src/methods/nuwa/definition.ts";
import { POSITION_POLICIES } from "../../src/methods/nuwa/positions.ts";
import { createPruning, METHODS } from "../../src/methods/registry.ts";
import { familyNamed } from "../../src/model/families.ts";
import { cellCount, firstCells, type ImageShape } from "../../src/model/image-shape.ts";
import type { PreparedImage, Preprocessing } from "../../src/model/preprocessing.ts";
import { disposeModel, type EncodedImages, type Vlm } from "../../src/model/vlm.ts";
import { answer } from "../../src/pipeline/answer.ts";
import { advance } from "../../src/pipeline/decode.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { batchOf, type ChatTemplate, type Tokenizer } from "../../src/pipeline/processor.ts";
import { relativeError } from "../support.ts";
import { IMAGE, noise, PIXELS, preparedNoise, tinyFamily } from "../support-families.ts";

/** Upright, wide and narrow pictures: grids that are unequal, odd, and of one row. */
const SIZES = [
  [30, 20],
  [13, 41],
  [60, 9],
] as const;

describe.each(["llava_next", "qwen2_5_vl"] as const)("a tiny model of the family %s", (family) => {
  let model: Vlm;
  let preprocessing: Preprocessing;
  let images: PreparedImage[];
  beforeAll(async () => {
    await useBackend("wasm");
    ({ model, preprocessing } = tinyFamily(family));
    images = preparedNoise(preprocessing, SIZES);
  });
  afterAll(() => disposeModel(model));

  function pass(
    own: readonly PreparedImage[],
    prompts: number[][],
    method = "none",
    request: NuwaRequest = {},
    tap = noTap,
  ): ForwardResult {
    const inputs = own.length > 0 ? batchOf(own) : {};
    const pruning = createPruning(method, model.config, request);
    const result = runSync(() => forward(model, { ...inputs, prompts }, pruning, tap));
    tf.dispose(tensorsIn(inputs));
    return result;
  }
  const logitsOf = ({ logits }: ForwardResult) => [...logits.dataSync()];

  it("says the same of each image alone and in a batch that mixes prompts with no, one and two images", () => {
    tf.tidy(() => {
      const prompts = [
        [1, IMAGE, 9],
        [1, 4, 5],
        [1, 5, IMAGE, 7, IMAGE, 9],
      ];
      for (const method of ["none", "nuwa"]) {
        const request = method === "none" ? {} : { average: { ratio: 0.5 } };
        const both = pass(images, prompts, method, request);
        const each = [
          pass([images[0]], [prompts[0]], method, request),
          pass([], [prompts[1]], method, request),
          pass([images[1], images[2]], [prompts[2]], method, request),
        ];
        each.forEach((one, sample) => {
          const own = logitsOf(both).slice(sample * 40, (sample + 1) * 40);
          expect(relativeError(own, logitsOf(one))).toBeLessThan(1e-5);
          expect(both.ledgers[sample]?.tokens.map(({ cell, layers }) => [cell, layers])).toEqual(
            one.ledgers[0]?.tokens.map(({ cell, layers }) => [cell, layers]),
          );
        });
      }
    });
  });

  it.each([
    ["rows", [40, 18], [40, 13]],
    ["columns", [17, 28], [18, 20]],
  ] as const)(
    "says the same of pictures that differ in the %s of a grid alone, together and apart",
    (_, one, other) => {
      tf.tidy(() => {
        const alike = preparedNoise(preprocessing, [one, other, one]);
        const each = alike.map(() => [1, IMAGE, 9]);
        const both = logitsOf(pass(alike, each));
        alike.forEach((image, i) => {
          const own = both.slice(i * 40, (i + 1) * 40);
          expect(relativeError(own, logitsOf(pass([image], [[1, IMAGE, 9]])))).toBeLessThan(1e-5);
        });
      });
    },
  );

  it("is normalised with the mean and deviation of the processor's file", () => {
    const [picture] = [noise(30, 20)];
    const of = (more: object) =>
      familyNamed(family)
        .parsePreprocessing("tiny", { ...PIXELS[family], ...more }, model.config)
        .prepare(picture).pixelValues.values;
    const [mean, std] = [
      [0.1, 0.2, 0.3],
      [0.5, 0.25, 0.125],
    ];
    const [levels, changed] = [
      of({ image_mean: [0, 0, 0], image_std: [1, 1, 1] }),
      of({ image_mean: mean, image_std: std }),
    ];
    // Values of one channel change in the same way, wherever they stand.
    const slopes = new Set<number>();
    changed.forEach((value, i) => {
      const channel = [0, 1, 2].find((one) => Math.abs(value - (levels[i] - mean[one]) / std[one]) < 1e-4);
      slopes.add(channel ?? -1);
    });
    expect(slopes).toEqual(new Set([0, 1, 2]));
  });

  it("is prepared on a canvas of the size that is promised, with a picture to draw for each grid", () => {
    const canvas = preprocessing.canvasOf({ width: 30, height: 20 });
    const { pictures, pixelValues } = preprocessing.prepare(noise(30, 20));
    const sizes = pictures.map(({ width, height }) => ({ width, height }));
    if (family === "llava_next") {
      // Three channels of the base tile, and of the tiles that the canvas is cut into.
      expect(pixelValues.values).toHaveLength(3 * (16 * 16 + canvas.width * canvas.height));
      // Without the padding: 20·(32/30) = 21.3 rows.
      expect([canvas, ...sizes]).toEqual([
        { width: 32, height: 32 },
        { width: 16, height: 16 },
        { width: 32, height: 22 },
      ]);
      expect(preprocessing.side).toBe(48);
    } else {
      // Three channels, twice.
      expect(pixelValues.values).toHaveLength(6 * canvas.width * canvas.height);
      // 30/8 = 3.75 and 20/8 = 2.5 cells, the half to the even number.
      expect([canvas, ...sizes]).toEqual(new Array(2).fill({ width: 32, height: 16 }));
      // The square of 2304 pixels.
      expect(preprocessing.side).toBe(48);
    }
  });

  it("answers a text alone, one image and several", async () => {
    const tokenizer: Tokenizer = {
      encode: (text) => text.split(" ").map((word) => (word === "<image>" ? IMAGE : 4 + word.length)),
      decode: () => "[4, 8, 12, 16]",
      idOf: () => undefined,
      tokenOf: (id) => (id === IMAGE ? "<image>" : undefined),
    };
    const template: ChatTemplate = {
      origin: "test",
      render: ([{ content }], marker = "<image>") =>
        content.map((part) => (part.type === "image" ? marker : part.text)).join(" "),
    };
    const vlm = { model, preprocessing, tokenizer, template };
    for (const some of [[], images.slice(0, 1), images]) {
      const { ledger, ids, boxes } = await answer(vlm, some, "what is it", { maxNewTokens: 1, stopTokens: [] });
      expect(ids).toHaveLength(1);
      expect(ledger?.images.length ?? 0).toBe(some.length);
      const [{ width, height } = { width: 1, height: 1 }] = family === "qwen2_5_vl" ? (some[0]?.pictures ?? []) : [];
      // The images differ in size, so that the box of an answer to two of them has no meaning in pixels.
      const isClear = some.length < 2 || family !== "qwen2_5_vl";
      expect(boxes).toEqual(isClear ? [[4 / width, 8 / height, 12 / width, 16 / height]] : []);
    }
  });

  it("takes an image as one placeholder or as all of its tokens", () => {
    tf.tidy(() => {
      const short = pass([images[0]], [[1, IMAGE, 9]]);
      const slots = short.state.layers[0].sequence[0].filter((slot) => slot !== null && slot.kind !== "text").length;
      const long = pass([images[0]], [[1, ...new Array<number>(slots).fill(IMAGE), 9]]);
      expect(logitsOf(long)).toEqual(logitsOf(short));
    });
  });

  it.each(["official", "paper"] as const)("is itself, to the bit, where Nüwa (%s) keeps everything", (variant) => {
    tf.tidy(() => {
      const prompts = [
        [1, IMAGE, 9],
        [1, 5, IMAGE, 7, IMAGE, 9],
      ];
      const kept = pass(images, prompts, "nuwa", { average: { ratio: 1 }, variant });
      expect(logitsOf(kept)).toEqual(logitsOf(pass(images, prompts)));
    });
  });

  it.each(["none", "nuwa"])("decodes from caches what recomputing the prompt gives (%s)", (method) => {
    tf.tidy(() => {
      // A selection by the text would change with it: stage 2 draws at random.
      const request: NuwaRequest = method === "none" ? {} : { average: { ratio: 0.5 }, stage2: "random" };
      const start = pass([images[1]], [[1, IMAGE, 9]], method, request);
      const turn = advance(model, start.state, [[11, 12]]);
      const whole = pass([images[1]], [[1, IMAGE, 9, 11, 12]], method, request);
      expect(relativeError(logitsOf({ ...start, logits: turn.logits }), logitsOf(whole))).toBeLessThan(1e-5);
    });
  });

  it("takes the method's order, but where newlines part the rows that of the cells, with the tokens that belong to them", () => {
    tf.tidy(() => {
      const backwards: Method = {
        ...none(),
        name: "backwards",
        *selectPatches({ grid }) {
          yield* [];
          return { cells: [[...new Array(patchCount(grid)).keys()].reverse()] };
        },
      };
      const inputs = batchOf([images[0]]);
      const result = runSync(() => forward(model, { ...inputs, prompts: [[1, IMAGE, 9]] }, backwards));
      const cells = (result.ledgers[0] as SampleLedger).tokens.map(({ cell }) => cell);
      const ascending = [...cells].sort((a, b) => a - b);
      if (family === "llava_next") {
        expect(cells).toEqual(ascending);
        expect(relativeError(logitsOf(result), logitsOf(pass([images[0]], [[1, IMAGE, 9]])))).toBeLessThan(1e-5);
      } else expect(cells).toEqual(ascending.reverse());
    });
  });

  it("keeps the unpruned ids of what stays, in order, and text goes on where it would", () => {
    tf.tidy(() => {
      const all = pass([images[0]], [[1, IMAGE, 9, 8]]);
      const some = pass([images[0]], [[1, IMAGE, 9, 8]], "nuwa", { average: { ratio: 0.5 } });
      const idsOf = ({ ledgers }: ForwardResult) =>
        new Map((ledgers[0] as SampleLedger).tokens.map(({ cell, position }) => [cell, position]));
      for (const [cell, position] of idsOf(some)) expect(position).toEqual(idsOf(all).get(cell));
      expect(some.state.layers[0].nextPosition).toEqual(all.state.layers[0].nextPosition);
      // Separators stay, all of them, also behind the last cut.
      const separators = (result: ForwardResult, layer: number) =>
        result.state.layers[layer].sequence[0].filter((slot) => slot?.kind === "separator");
      expect(separators(some, 3)).toEqual(separators(all, 0));
    });
  });

  it.each(POSITION_POLICIES)("has the unpruned ids under %s positions where nothing is pruned", (positions) => {
    tf.tidy(() => {
      const ids = (policy: (typeof POSITION_POLICIES)[number]) => {
        const recorder = record(["position_ids"]);
        pass([images[0]], [[1, IMAGE, 9]], "nuwa", { average: { ratio: 1 }, positions: policy }, recorder.tap);
        const values = recorder.get("position_ids").arraySync();
        recorder.dispose();
        return values;
      };
      expect(ids(positions)).toEqual(ids("original"));
    });
  });

  it("runs every method that needs no more than it offers, and refuses the others in one line", () => {
    const shapes: ImageShape[] = [];
    tf.tidy(() => {
      for (const { shape } of runSync(() => model.encode(batchOf([images[0]]), noTap))) shapes.push(shape);
    });
    for (const definition of METHODS) {
      const { name } = definition;
      const request = takesAverage(definition) ? { average: { ratio: 0.5 } } : {};
      const pruning = createPruning(name, model.config, request);
      const { needs = [] } = typeof pruning === "function" ? pruning(shapes[0]) : pruning;
      const lacking = needs.find((need) => !model.config.facts.capabilities.includes(need));
      const run = () =>
        tf.tidy(() => enteringPerLayer(pass([images[0]], [[1, IMAGE, 9]], name, request).ledgers[0] as SampleLedger));
      if (lacking !== undefined)
        expect(run, name).toThrow(
          `method ${name} needs ${lacking}, which this model of the family ${family} does not offer.`,
        );
      else expect(Math.min(...run()), name).toBeGreaterThan(0);
    }
  });

  it.each([
    "nuwa",
    "random",
    "pooling",
    "fastv",
    "sparsevlm",
    "pyramiddrop",
    "divprune",
    "hiprune",
    "scope",
    "holov",
    "vispruner",
    "cdpruner",
    "dart",
    "feather",
    "ivcprune",
  ])("is the unpruned model under %s where everything is kept", (name) => {
    tf.tidy(() => {
      const wanted = logitsOf(pass([images[0]], [[1, IMAGE, 9]]));
      for (const positions of POSITION_POLICIES)
        expect(logitsOf(pass([images[0]], [[1, IMAGE, 9]], name, { average: { ratio: 1 }, positions }))).toEqual(
          wanted,
        );
    });
  });

  it("lists what reaches the end with -2 behind shorter rows, all of a prompt without an image", () => {
    tf.tidy(() => {
      const recorder = record(["final.indices", "final.images"]);
      pass(
        [images[0]],
        [
          [1, IMAGE, 9],
          [1, 4],
        ],
        "none",
        {},
        recorder.tap,
      );
      for (const name of ["final.indices", "final.images"] as const) {
        const [seeing, blind] = recorder.get(name).arraySync() as number[][];
        expect([seeing.includes(-2), new Set(blind)]).toEqual([false, new Set([-2])]);
      }
      recorder.dispose();
    });
  });

  it("keeps the shares of its grids under every method with one budget, from one token a tile on", () => {
    const shape = familyNamed(family).shapeOf(model.config, images[0].size);
    const tiles = shape.tiles.reduce((sum, own) => sum + own, 0);
    for (const name of ["random", "divprune", "hiprune", "visionzip", "prumerge", "scope", "holov", "vispruner"])
      for (const tokens of [tiles, 2 * tiles, Math.floor(cellCount(shape) / 2)]) {
        const entering = tf.tidy(() => {
          const { ledgers } = pass([images[0]], [[1, IMAGE, 9]], name, { average: { tokens } });
          return enteringPerLayer(ledgers[0] as SampleLedger);
        });
        const wanted = sharedOut(tokens, shape).reduce((sum, share) => sum + share, 0);
        expect(entering[0], `${name} ${tokens}`).toBe(wanted);
      }
  });

  it("has a ledger with every grid, and gradients that reach pixels and weights", async () => {
    const [prompt] = [[1, IMAGE, 9]];
    tf.tidy(() => {
      const ledger = pass([images[0]], [prompt], "nuwa", { average: { ratio: 0.5 } }).ledgers[0] as SampleLedger;
      const [image] = ledger.images;
      expect(ledger.total).toBe(cellCount(image));
      const kept = gridLedgers(ledger).reduce((sum, { tokens }) => sum + tokens.size, 0);
      expect(kept).toBe(enteringPerLayer(ledger)[0]);
      // A token is mixed from the cells of its own grid.
      const starts = firstCells(image);
      for (const { cell, weights } of ledger.tokens) {
        const grid = starts.filter((start) => start <= cell).length - 1;
        const [from, to] = [starts[grid], starts[grid + 1] ?? cellCount(image)];
        weights?.forEach((weight, source) => {
          if (source < from || source >= to) expect(weight).toBe(0);
        });
        if (weights) expect(weights[cell]).toBeGreaterThan(0);
      }
    });
    const inputs = batchOf([images[0]]);
    const pruning = createPruning("nuwa", model.config, { average: { ratio: 0.5 } });
    const of = [inputs.pixels, [...model.tensors.values()][0]];
    const found = await gradients(
      model,
      { ...inputs, prompts: [prompt] },
      pruning,
      ({ logits }) => logits.slice([0, 5], [1, 1]).squeeze(),
      of,
    );
    for (const gradient of found.gradients) expect(gradient.dataSync().some((value) => value !== 0)).toBe(true);
    tf.dispose([inputs.pixels, found.value, ...found.gradients]);
  });

  it("shows a block of its tower as the features' own block was seen", () => {
    tf.tidy(() => {
      const inputs = batchOf([images[0]]);
      // runSync would free the states that blocks are computed from.
      const encoded = model.encode(inputs, noTap).next().value as readonly EncodedImages[];
      for (const { grids } of encoded)
        for (const seen of grids) {
          const block = seen.block(seen.featureBlock);
          expect(block.keys.shape.slice(0, 2)).toEqual(seen.clsAttention.shape);
          const received = block.received().dataSync();
          if (family === "llava_next") continue;
          // Without a class token the score is what patches receive, summed over the patches that pay it.
          const patches = 4 * received.length;
          expect(
            relativeError(
              received.map((value) => value * patches),
              seen.clsAttention.dataSync(),
            ),
          ).toBeLessThan(1e-5);
        }
      tf.dispose(tensorsIn(inputs));
    });
  });

  it("leaves no tensor behind, also when it refuses pixels or sizes", () => {
    const { numTensors } = tf.memory();
    tf.dispose(tensorsIn(pass(images, [[1, IMAGE, IMAGE, IMAGE, 9]], "nuwa", { average: { ratio: 0.5 } })));
    expect(tf.memory().numTensors).toBe(numTensors);
    const inputs = batchOf([images[0]]);
    const refuse = (change: object) => () =>
      runSync(() =>
        forward(model, { ...inputs, ...change, prompts: [[1, IMAGE]] }, createPruning("none", model.config)),
      );
    expect(refuse({ sizes: undefined })).toThrow(/image_(sizes|grid_thw) must say/);
    expect(refuse({ sizes: [[0, 1]] })).toThrow(/image_(sizes|grid_thw) must say/);
    const zero = family === "llava_next" ? [0, 20] : [1, 0, 4];
    expect(refuse({ sizes: [zero] })).toThrow(/image_(sizes|grid_thw) must say/);
    // As many patches, but twice in time or in half cells.
    if (family === "qwen2_5_vl")
      for (const size of [
        [2, 4, 8],
        [1, 1, 32],
      ])
        expect(refuse({ sizes: [size] })).toThrow("image_grid_thw must say [1, rows, columns]");
    expect(refuse({ sizes: [...(inputs.sizes ?? []), ...(inputs.sizes ?? [])] })).toThrow(/pixel_values has shape/);
    inputs.pixels.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
