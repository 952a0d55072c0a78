import * as tf from "@tensorflow/tfjs";
import type { VlmConfig } from "../model/config.ts";
import { randomFrom } from "../random.ts";
import type { Scene } from "../world/scene.ts";
import { visionBatch } from "./patches.ts";
import { pixelsOf, pixelTensor, scenesFrom } from "./pictures.ts";
import { pretrainingFigures, pretrainingHeads, pretrainingLoss, type VisionFigures } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import type { Stage } from "./stage.ts";

interface Pictures {
  readonly scenes: readonly Scene[];
  readonly pixels: Float32Array;
}

/** The first stage: the vision tower and the projector on dense targets (see pretrain.ts). */
export function visionStage({ vision: recipe, seed }: Recipe, config: VlmConfig): Stage<Pictures> {
  const [side] = config.vision.imageSize;
  const pictures = async (scenes: readonly Scene[]) => ({ scenes, pixels: await pixelsOf(scenes, side) });
  return {
    name: "vision",
    recipe,
    begin: (weights) => new Map([...weights, ...pretrainingHeads(config, randomFrom(seed + 1))]),
    trains: (name) => /^(vision_tower|multi_modal_projector|pretraining)\./.test(name),
    prepare: (step) => pictures(scenesFrom("train", step * recipe.batch, recipe.batch)),
    loss: (tensors, { scenes, pixels }) =>
      pretrainingLoss(config, tensors, visionBatch(scenes, pixelTensor(pixels, side), config.vision)),
    async validate(tensors) {
      const { scenes, pixels } = await pictures(scenesFrom("tuning", 0, recipe.validateOn));
      const batch = visionBatch(scenes, pixelTensor(pixels, side), config.vision);
      const figures: VisionFigures = await pretrainingFigures(config, tensors, batch);
      tf.dispose(Object.values(batch));
      return { ...figures };
    },
  };
}
