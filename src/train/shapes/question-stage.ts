import type * as tf from "@tensorflow/tfjs";
import { noTap } from "../../core/taps.ts";
import type { EncodedImages, Vlm } from "../../model/vlm.ts";
import { patchLabels } from "../../world/labels.ts";
import type { Question } from "../../world/question.ts";
import { questionRandom, questionsFor } from "../../world/questions.ts";
import type { Scene } from "../../world/scene.ts";
import type { Stage } from "../engine/stage.ts";
import { answeringLoss, type Pointing } from "./answering.ts";
import type { Miniature } from "./miniature.ts";
import { scenesFrom } from "./pictures.ts";
import { packQuestions } from "./question-packing.ts";
import type { QuestionStageRecipe } from "./recipe.ts";
import { validateAnswers } from "./validate.ts";

/** The data of a step. */
export interface Asked {
  readonly step: number;
  readonly pixels: Float32Array;
  readonly scenes: readonly Scene[];
  readonly questions: readonly (readonly Question[])[];
  /** For each picture what each patch shows, see `patchLabels`. */
  readonly objects: readonly Int32Array[];
}

/** In what stages that learn from questions differ, apart from their recipes. */
export interface QuestionStageParts extends Pick<Stage, "name" | "begin"> {
  /** Seed of the first training scene. */
  readonly firstScene: number;
  /** How the first head of some layers is taught where to look at a step; no layers unless given. */
  pointing?(step: number): Pointing;
  /** Is added to the loss of the answers. */
  helper?(model: Vlm, visual: tf.Tensor3D, asked: Asked): tf.Scalar;
}

/** A stage in which projector and language model learn to answer; the vision tower is frozen. */
export function questionStage(
  recipe: QuestionStageRecipe,
  miniature: Miniature,
  { name, begin, firstScene, pointing, helper }: QuestionStageParts,
): Stage<Asked> {
  const { dialect, cells } = miniature;
  const ask = (scene: Scene) =>
    questionsFor(scene, questionRandom(scene), { count: recipe.questions, weights: recipe.shares });
  return {
    name,
    recipe,
    begin,
    trains: (weight) => ["projector", "decoder"].includes(miniature.partOf(weight) ?? ""),
    async prepare(step) {
      const scenes = scenesFrom("train", firstScene + step * recipe.batch, recipe.batch);
      const pixels = miniature.pixelsOf(scenes);
      const objects = scenes.map((scene) => patchLabels(scene, cells.rows, cells.columns).object);
      return { step, scenes, questions: scenes.map(ask), objects, pixels: await pixels };
    },
    loss(tensors, asked) {
      const model = miniature.create(tensors);
      // Without merges nothing is read out, so that the first call of next() returns the result.
      const [{ grids, shape }] = model.encode(miniature.images(asked.pixels), noTap).next().value as EncodedImages[];
      const visual = model.project(grids[0].features);
      const packed = asked.questions.map((list, i) => packQuestions(list, dialect, asked.objects[i], shape));
      const answers = answeringLoss(model, visual, packed, {
        ...recipe,
        ...(pointing?.(asked.step) ?? { pointingLayers: [], pointingWeight: 0 }),
        firstCoordinate: dialect.firstCoordinate,
        coordinates: dialect.coordinates,
      });
      return helper ? answers.add(helper(model, visual, asked)) : answers;
    },
    async validate(tensors) {
      const scenes = scenesFrom("tuning", 0, recipe.validateOn);
      const { figures } = await validateAnswers(miniature.create(tensors), scenes, { shares: recipe.shares });
      return figures;
    },
  };
}
