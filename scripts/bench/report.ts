import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { LlavaConfig } from "../../src/model/llava/config.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { bestMatMulRate, type Measured, measureMethods } from "./measure.ts";
import { configOf, countParameters, randomModel, type Shape } from "./shapes.ts";

/** What the benchmark found for one model size on one backend. Times in milliseconds. */
export interface ShapeReport {
  readonly backend: string;
  readonly shape: string;
  readonly description: string;
  readonly parameters: { readonly vision: number; readonly text: number };
  readonly runs: number;
  readonly unpruned: Measured;
  readonly pruned: Measured;
  /** Floating-point operations of the vision tower, a multiply-add counted as two. */
  readonly visionFlops: number;
  /** GFLOP/s of the whole vision tower in its fastest run. */
  readonly visionRate: number;
  /** GFLOP/s of the fastest 2-D product, before or after the runs. */
  readonly bestRate: number;
}

const SEED = 1;
/** Text tokens before and after the image, as many as LLaVA's prompt with a short question has. */
const [BEFORE, AFTER] = [35, 20];

/** Measures one model size on the current backend. */
export async function benchmarkShape(backend: string, shape: Shape, runs: number): Promise<ShapeReport> {
  const config = configOf(shape);
  const model = randomModel(config, SEED);
  const [height, width] = config.vision.imageSize;
  const random = randomFrom(SEED);
  const noise = Float32Array.from({ length: 3 * height * width }, () => normal(random));
  const pixels = tf.tensor4d(noise, [1, 3, height, width]);
  const prompts = [[...words(BEFORE, config), config.imageTokenId, ...words(AFTER, config)]];
  const methods = ["none", "nuwa"].map((name) => createMethod(name, config, { average: { ratio: 1 / 9 } }));
  try {
    const rateBefore = bestMatMulRate(runs);
    const [unpruned, pruned] = await measureMethods(model, { pixels, prompts }, methods, runs);
    const flops = visionFlops(config);
    return {
      backend,
      shape: shape.name,
      description: shape.description,
      parameters: {
        vision: countParameters(model, "vision_tower."),
        text: countParameters(model, "language_model."),
      },
      runs,
      unpruned,
      pruned,
      visionFlops: flops,
      visionRate: flops / 1e6 / Math.min(...[unpruned, pruned].map(({ fastest }) => fastest["vision tower"])),
      bestRate: Math.max(rateBefore, bestMatMulRate(runs)),
    };
  } finally {
    disposeModel(model);
    pixels.dispose();
  }
}

function words(count: number, { imageTokenId }: LlavaConfig): number[] {
  return Array.from({ length: count }, (_, i) => imageTokenId + 1 + i);
}

/** The products of the tower for one image: patches, linear layers, attention. */
function visionFlops({ vision }: LlavaConfig): number {
  const { hiddenSize, intermediateSize, numHiddenLayers, patchSize } = vision;
  const patches = (vision.imageSize[0] / patchSize) * (vision.imageSize[1] / patchSize);
  const tokens = patches + 1;
  const linear = tokens * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
  const attention = 2 * tokens ** 2 * hiddenSize;
  return 2 * (patches * 3 * patchSize ** 2 * hiddenSize + numHiddenLayers * (linear + attention));
}
