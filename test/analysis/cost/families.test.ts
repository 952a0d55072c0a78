import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { measureCost } from "../../../src/analysis/cost/meter.ts";
import { useBackend } from "../../../src/backend/select.ts";
import { patchCount } from "../../../src/core/grid.ts";
import { runSync, tensorsIn } from "../../../src/core/readback.ts";
import { noTap } from "../../../src/core/taps.ts";
import { enteringPerLayer, gridLedgers, type SampleLedger } from "../../../src/methods/ledger.ts";
import { createPruning } from "../../../src/methods/registry.ts";
import type { ImageShape } from "../../../src/model/image-shape.ts";
import { windowsOf } from "../../../src/model/qwen2_5-vl/windows.ts";
import { disposeModel, type Vlm } from "../../../src/model/vlm.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { batchOf } from "../../../src/pipeline/processor.ts";
import { CONFIGS, IMAGE, preparedNoise, tinyFamily } from "../../support-families.ts";
import { layerProducts, sumOf } from "./formula.ts";

/*
 * What a prompt with images of different shapes must cost in families that encode these one shape after the other, part
 * by part and from sizes alone; in products, a multiplication with its addition each.
 */

/** Two text tokens and three images, of which the first and the last have one shape. */
const PROMPT = [1, IMAGE, IMAGE, IMAGE, 9];
const SIZES = {
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

/** Qwen's tower on one image: embedding, blocks with windows or without, and the merger. */
function qwenTower(shape: ImageShape): number {
  const {
    depth,
    hidden_size: width,
    intermediate_size: inner,
    fullatt_block_indexes: full,
  } = CONFIGS.qwen2_5_vl.vision_config;
  const [grid] = shape.grids;
  const patches = 4 * patchCount(grid);
  const windows = windowsOf(grid, 2).lengths.map((cells) => 4 * cells);
  const blocks = Array.from({ length: depth }, (_, block) => {
    const reach = (full as readonly number[]).includes(block) ? [patches] : windows;
    return patches * width * (4 * width + 3 * inner) + 2 * width * sumOf(reach.map((length) => length ** 2));
  });
  return patches * 3 * 2 * 4 ** 2 * width + sumOf(blocks) + qwenMerger(shape);
}

/** Four patches side by side through two matrices. */
function qwenMerger({ grids: [grid] }: ImageShape): number {
  const [width, decoderWidth] = [4 * CONFIGS.qwen2_5_vl.vision_config.hidden_size, CONFIGS.qwen2_5_vl.hidden_size];
  return patchCount(grid) * width * (width + decoderWidth);
}

/** CLIP's tower on every tile of one image, 16 patches and a class token each. */
function nextTower({ tiles }: ImageShape): number {
  const { hidden_size: width, intermediate_size: inner, num_hidden_layers: depth } = CONFIGS.llava_next.vision_config;
  const rows = 17;
  const block = rows * width * (4 * width + 2 * inner) + 2 * rows ** 2 * width;
  return sumOf(tiles) * (16 * 3 * 4 ** 2 * width + depth * block);
}

const FAMILIES = {
  llava_next: { tower: nextTower, width: 16, projector: 16 * 16 + 16 * 16, again: () => 0 },
  // Similarity is measured on merged states: the merger runs once more.
  qwen2_5_vl: { tower: qwenTower, width: 24, projector: 0, again: qwenMerger },
} as const;

describe.each(["llava_next", "qwen2_5_vl"] as const)("images of different shapes in %s", (family) => {
  beforeAll(() => useBackend("wasm"));

  it.each(["none", "nuwa"])("cost, part by part, what their sizes say (%s)", async (method) => {
    const { model, preprocessing } = tinyFamily(family);
    const images = batchOf(preparedNoise(preprocessing, SIZES[family]));
    const request = method === "none" ? {} : { average: { ratio: 0.5 } };
    const pruning = createPruning(method, model.config, request);
    const { result, cost } = await measureCost((tap) =>
      runSync(() => forward(model, { ...images, prompts: [PROMPT] }, pruning, tap)),
    );
    const shapes = shapesOf(model, images);
    const { tower, width, projector, again } = FAMILIES[family];
    const ledger = result.ledgers[0] as SampleLedger;
    const choosing = shapes.flatMap((shape, image) => [
      again(shape),
      ...gridLedgers(ledger, image).map(({ grid, tokens }) => {
        // Cosines and mixtures of what is kept with everything; a grid that is kept whole needs neither.
        const cells = patchCount(grid);
        return tokens.size === cells ? 0 : 2 * tokens.size * cells * width;
      }),
    ]);
    const entering = enteringPerLayer(ledger);
    // Images with fewer tokens repeat one at the end, and all rows are projected.
    const most = Math.max(...shapes.map((_, image) => ledger.tokens.filter((token) => token.image === image).length));
    const others = ledger.textTokens + sumOf(shapes.map(({ separators }) => separators.length));
    expect(cost).toMatchObject({
      visionTower: 2 * sumOf(shapes.map(tower)),
      selection: method === "none" ? 0 : 2 * sumOf(choosing),
      projector: 2 * shapes.length * most * projector,
      decoder: 2 * sumOf(entering.map((tokens) => layerProducts(tokens + others, model.config.text))),
    });
    tf.dispose([images.pixels, ...tensorsIn(result)]);
    disposeModel(model);
  });
});

function shapesOf(model: Vlm, images: ReturnType<typeof batchOf>): ImageShape[] {
  const shapes: ImageShape[] = [];
  const encoded = runSync(() => model.encode(images, noTap));
  for (const { images: numbers, shape } of encoded) for (const number of numbers) shapes[number] = shape;
  tf.dispose(tensorsIn(encoded));
  return shapes;
}
