import type * as tf from "@tensorflow/tfjs";
import { noTap } from "../../core/taps.ts";
import type { LlavaConfig } from "../../model/llava/config.ts";
import { encode } from "../../model/llava/encode.ts";
import { createModel, type Llava } from "../../model/llava/llava.ts";
import type { EncodedGrid } from "../../model/vlm.ts";
import { patchLabels } from "../../world/labels.ts";
import type { Question } from "../../world/question.ts";
import { questionRandom, questionsFor } from "../../world/questions.ts";
import type { Scene } from "../../world/scene.ts";
import type { Stage } from "../engine/stage.ts";
import { answeringLoss, type Pointing } from "./answering.ts";
import { pixelsOf, pixelTensor, scenesFrom } from "./pictures.ts";
import { packQuestions } from "./question-packing.ts";
import type { QuestionStageRecipe } from "./recipe.ts";
import { wordIds } from "./tokens.ts";
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
  helper?(model: Llava, visual: tf.Tensor3D, asked: Asked): tf.Scalar;
}

/** A stage in which projector and language model learn to answer; the vision tower is frozen. */
export function questionStage(
  recipe: QuestionStageRecipe,
  config: LlavaConfig,
  { name, begin, firstScene, pointing, helper }: QuestionStageParts,
): Stage<Asked> {
  const [side] = config.vision.imageSize;
  const grid = side / config.vision.patchSize;
  const words = wordIds();
  const ask = (scene: Scene) =>
    questionsFor(scene, questionRandom(scene), { count: recipe.questions, weights: recipe.shares });
  return {
    name,
    recipe,
    begin,
    trains: (weight) => /^(language_model|multi_modal_projector)\./.test(weight),
    async prepare(step) {
      const scenes = scenesFrom("train", firstScene + step * recipe.batch, recipe.batch);
      const pixels = pixelsOf(scenes, side);
      const objects = scenes.map((scene) => patchLabels(scene, grid, grid).object);
      return { step, scenes, questions: scenes.map(ask), objects, pixels: await pixels };
    },
    loss(tensors, asked) {
      const model = createModel(config, tensors);
      const packed = asked.questions.map((list, picture) => packQuestions(list, words, asked.objects[picture]));
      // Without merges nothing is read out, so that the first call of next() returns the result.
      const { features } = encode(model, pixelTensor(asked.pixels, side), noTap).next().value as EncodedGrid;
      const visual = model.project(features);
      const answers = answeringLoss(model, visual, packed, {
        ...recipe,
        ...(pointing?.(asked.step) ?? { pointingLayers: [], pointingWeight: 0 }),
        firstCoordinate: words.firstCoordinate,
      });
      return helper ? answers.add(helper(model, visual, asked)) : answers;
    },
    async validate(tensors) {
      const scenes = scenesFrom("tuning", 0, recipe.validateOn);
      const { figures } = await validateAnswers(createModel(config, tensors), scenes, { shares: recipe.shares });
      return figures;
    },
  };
}
