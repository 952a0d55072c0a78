import { randomFrom } from "../../core/random-numbers.ts";
import type { Stage } from "../engine/stage.ts";
import type { Miniature } from "./miniature.ts";
import { disposeBatch, visionBatch } from "./patch-targets.ts";
import { scenesFrom } from "./pictures.ts";
import { pretrainingFigures, pretrainingHeads, pretrainingLoss } from "./pretrain.ts";
import type { Recipe } from "./recipe.ts";
import { type PaintedScene, repainted } from "./unnamed-colours.ts";

interface Pictures {
  readonly scenes: readonly PaintedScene[];
  readonly pixels: Float32Array;
}

/** The first stage: the vision tower and the projector on dense targets (see pretrain.ts). */
export function visionStage({ vision: recipe, seed }: Recipe, miniature: Miniature): Stage<Pictures> {
  const pictures = async (scenes: readonly PaintedScene[]) => ({
    scenes,
    pixels: await miniature.pixelsOf(scenes.map(({ scene }) => scene)),
  });
  const batchOf = ({ scenes, pixels }: Pictures) => visionBatch(scenes, miniature.images(pixels), miniature);
  return {
    name: "vision",
    recipe,
    begin: async (weights) => new Map([...weights, ...pretrainingHeads(miniature, randomFrom(seed + 1))]),
    trains: (name) => name.startsWith("pretraining.") || ["tower", "projector"].includes(miniature.partOf(name) ?? ""),
    prepare: (step) => pictures(repainted(scenesFrom("train", step * recipe.batch, recipe.batch), recipe.unnamed)),
    loss: (tensors, prepared) => pretrainingLoss(miniature, tensors, batchOf(prepared)),
    async validate(tensors) {
      const batch = batchOf(await pictures(repainted(scenesFrom("tuning", 0, recipe.validateOn), 0)));
      const figures = await pretrainingFigures(miniature, tensors, batch);
      disposeBatch(batch);
      return { ...figures };
    },
  };
}
