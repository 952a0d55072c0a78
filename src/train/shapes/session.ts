import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { randomFrom } from "../../core/random-numbers.ts";
import { whileLocked } from "../../io/lock.ts";
import { requireOwnFolder } from "../../io/opening.ts";
import { familyNamed } from "../../model/families.ts";
import type { VlmConfig } from "../../model/vlm.ts";
import { type TrainOptions, type TrainResult, train } from "../engine/loop.ts";
import type { Stage } from "../engine/stage.ts";
import { exportModel } from "./export.ts";
import { growthStage } from "./growth-stage.ts";
import { initialWeights } from "./initial.ts";
import { languageStage } from "./language-stage.ts";
import { allTokens, specialId } from "./llava-tokens.ts";
import { miniatureOf } from "./miniatures.ts";
import { qwenId, qwenTokens } from "./qwen-tokens.ts";
import type { Recipe } from "./recipe.ts";
import { visionStage } from "./vision-stage.ts";

/** The model that a recipe's first stages train. @throws NuwaError naming the field of the recipe that is wrong */
export function configOfRecipe({ name, model }: Recipe): VlmConfig {
  const config = model.family === "qwen2_5_vl" ? qwenFields(model) : llavaFields(model);
  return familyNamed(config.model_type).parseConfig(`recipe ${name}`, config);
}

function llavaFields({ vision, text }: Recipe["model"]) {
  const ids = { bos_token_id: specialId("<s>"), eos_token_id: specialId("</s>") };
  return {
    model_type: "llava",
    vision_config: vision,
    text_config: { ...text, vocab_size: allTokens().length, ...ids },
    image_token_index: specialId("<image>"),
  };
}

function qwenFields({ vision, text }: Recipe["model"]) {
  return {
    model_type: "qwen2_5_vl",
    vision_config: vision,
    text_config: { ...text, vocab_size: qwenTokens().length, eos_token_id: qwenId("<|im_end|>") },
    image_token_id: qwenId("<|image_pad|>"),
  };
}

/** The model that is there when a recipe's last stage is done: deeper than before where the recipe grows it. */
export function finalConfig(recipe: Recipe): VlmConfig {
  const { growth, model } = recipe;
  if (!growth) return configOfRecipe(recipe);
  return configOfRecipe({ ...recipe, model: { ...model, text: { ...model.text, num_hidden_layers: growth.layers } } });
}

/** The stages of a recipe, in order. */
export function stagesOf(recipe: Recipe): readonly Stage[] {
  const miniature = miniatureOf(configOfRecipe(recipe));
  const growth = recipe.growth ? [growthStage(recipe.growth, miniatureOf(finalConfig(recipe)), recipe.seed)] : [];
  return [visionStage(recipe, miniature), languageStage(recipe, miniature), ...growth] as readonly Stage[];
}

/** Trains by a recipe; when the training is finished, the model is in `model/` below the folder, which is locked. */
export function runRecipe(recipe: Recipe, options: TrainOptions): Promise<TrainResult> {
  const initial = () => initialWeights(configOfRecipe(recipe), randomFrom(recipe.seed));
  const model = join(options.folder, "model");
  return whileLocked(options.folder, async () => {
    requireOwnFolder(model);
    const result = await train(recipe, stagesOf(recipe), initial, options);
    if (result.finished) await exportModel(model, finalConfig(recipe), result.weights, { recipe: recipe.name });
    return result;
  });
}

/** Frees what {@link runRecipe} returns. */
export function disposeResult({ weights }: TrainResult): void {
  tf.dispose([...weights.values()]);
}
