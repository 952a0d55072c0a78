import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import type { Method } from "../../src/methods/method.ts";
import { createMethod } from "../../src/methods/registry.ts";
import type { LlavaConfig } from "../../src/model/llava/config.ts";
import { disposeModel, type Vlm } from "../../src/model/vlm.ts";
import type { ForwardInputs } from "../../src/pipeline/prefill.ts";
import { configOf, randomModel, requireRoom, type Shape } from "./shapes.ts";

const SEED = 1;
/** Text tokens before and after the image, as many as LLaVA's prompt with a short question has. */
export const [BEFORE, AFTER] = [35, 20] as const;

/** A model of one shape with what it is run on. */
export interface Subject {
  readonly config: LlavaConfig;
  readonly model: Vlm;
  /** One image of noise in one prompt. */
  readonly inputs: ForwardInputs;
  readonly unpruned: Method;
  /** Nüwa as released, at an average of 1/9. */
  readonly pruned: Method;
  dispose(): void;
}

/** Of a prompt, about. */
const TOKENS = 700;

/** Makes a model with random weights on the current backend. @throws NuwaError where they do not fit into memory */
export function subjectOf(shape: Shape): Subject {
  const config = configOf(shape);
  requireRoom(shape, config, TOKENS);
  const model = randomModel(config, SEED);
  const [height, width] = config.vision.imageSize;
  const random = randomFrom(SEED);
  const noise = Float32Array.from({ length: 3 * height * width }, () => normal(random));
  const pixels = tf.tensor4d(noise, [1, 3, height, width]);
  const words = (count: number) => Array.from({ length: count }, (_, i) => config.imageTokenId + 1 + i);
  const [unpruned, pruned] = ["none", "nuwa"].map((name) => createMethod(name, config, { average: { ratio: 1 / 9 } }));
  return {
    config,
    model,
    inputs: { pixels, prompts: [[...words(BEFORE), config.imageTokenId, ...words(AFTER)]] },
    unpruned,
    pruned,
    dispose() {
      disposeModel(model);
      pixels.dispose();
    },
  };
}
