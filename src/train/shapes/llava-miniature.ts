import type * as tf from "@tensorflow/tfjs";
import { noTap } from "../../core/taps.ts";
import { type LlavaConfig, patchGrid } from "../../model/llava/config.ts";
import { withoutPrefix } from "../../model/llava/encode.ts";
import { createModel } from "../../model/llava/llava.ts";
import { project } from "../../model/llava/projector.ts";
import { visionTower } from "../../model/llava/tower.ts";
import { llavaFiles } from "./llava-files.ts";
import { llavaDialect } from "./llava-tokens.ts";
import type { Miniature } from "./miniature.ts";
import { pixelsOf, pixelTensor } from "./pictures.ts";

/**
 * LLaVA: CLIP's tower with positions that are learnt, a class token and a projector. Pretraining reads the last **two**
 * hidden states. The one before the last is what LLaVA reads; the last one trains the last block too, which LLaVA
 * never uses but which is one of the features that Nüwa's aggregation compares.
 */
export function llavaMiniature(config: LlavaConfig): Miniature {
  const { vision } = config;
  const [side] = vision.imageSize;
  return {
    config,
    dialect: llavaDialect(),
    side,
    patches: patchGrid(vision),
    cells: patchGrid(vision),
    towerWidth: vision.hiddenSize,
    heads: ["features", "last"],
    knowsPlaces: true,
    pixelsOf: (scenes) => pixelsOf(scenes, side),
    images: (pixels) => ({ pixels: pixelTensor(pixels, side) }),
    see(tensors, { pixels }) {
      const model = createModel(config, tensors);
      const { hiddenStates } = visionTower(model, pixels as tf.Tensor4D, noTap);
      const states = hiddenStates.slice(-2);
      return {
        states: ["features", "last"].map((head, i) => ({
          head,
          patches: withoutPrefix(states[i], 1),
          whole: states[i].slice([0, 0, 0], [-1, 1, -1]),
        })),
        tokens: project(model, withoutPrefix(states[0], 1)),
      };
    },
    create: (tensors) => createModel(config, tensors),
    partOf(weight) {
      if (weight.startsWith("vision_tower.")) return "tower";
      if (weight.startsWith("multi_modal_projector.")) return "projector";
      return weight.startsWith("language_model.") ? "decoder" : undefined;
    },
    files: () => llavaFiles(config),
    // CLIP has one more norm, behind the hidden states; LLaVA never computes it, but transformers asks for it.
    unread() {
      const shape = [vision.hiddenSize];
      const norm = "vision_tower.vision_model.post_layernorm";
      return [
        [`${norm}.weight`, { shape, values: new Float32Array(vision.hiddenSize).fill(1) }],
        [`${norm}.bias`, { shape, values: new Float32Array(vision.hiddenSize) }],
      ];
    },
  };
}
