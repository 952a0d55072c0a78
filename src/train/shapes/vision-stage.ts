import * as tf from "@tensorflow/tfjs";
import { randomFrom } from "../../core/random-numbers.ts";
import type { LlavaConfig } from "../../model/llava/config.ts";
import type { Stage } from "../engine/stage.ts";
import { visionBatch } from "./patch-targets.ts";
import { pixelsOf, pixelTensor, scenesFrom } from "./pictures.ts";
import { pretrainingFigures, pretrainingHeads, pretrainingLoss, type VisionFigures } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import { type PaintedScene, repainted } from "./unnamed-colours.ts";

interface Pictures {
  readonly scenes: readonly PaintedScene[];
  readonly pixels: Float32Array;
}

/** The first stage: the vision tower and the projector on dense targets (see pretrain.ts). */
export function visionStage({ vision: recipe, seed }: Recipe, config: LlavaConfig): Stage<Pictures> {
  const [side] = config.vision.imageSize;
  const pictures = async (scenes: readonly PaintedScene[]) => ({
    scenes,
    pixels: await pixelsOf(
      scenes.map(({ scene }) => scene),
      side,
    ),
  });
  return {
    name: "vision",
    recipe,
    begin: async (weights) => new Map([...weights, ...pretrainingHeads(config, randomFrom(seed + 1))]),
    trains: (name) => /^(vision_tower|multi_modal_projector|pretraining)\./.test(name),
    prepare: (step) => pictures(repainted(scenesFrom("train", step * recipe.batch, recipe.batch), recipe.unnamed)),
    loss: (tensors, { scenes, pixels }) =>
      pretrainingLoss(config, tensors, visionBatch(scenes, pixelTensor(pixels, side), config.vision)),
    async validate(tensors) {
      const { scenes, pixels } = await pictures(repainted(scenesFrom("tuning", 0, recipe.validateOn), 0));
      const batch = visionBatch(scenes, pixelTensor(pixels, side), config.vision);
      const figures: VisionFigures = await pretrainingFigures(config, tensors, batch);
      tf.dispose(Object.values(batch));
      return { ...figures };
    },
  };
}
