import * as tf from "@tensorflow/tfjs";
import { type Random, randomFrom } from "../../core/random-numbers.ts";
import type { VlmConfig } from "../../model/vlm.ts";
import type { Stage } from "../engine/stage.ts";
import { initialWeights } from "./initial.ts";
import type { Miniature } from "./miniature.ts";
import { type Asked, questionStage } from "./question-stage.ts";
import type { QuestionStageRecipe } from "./recipe.ts";

/** Training scenes of this stage begin here: the stages before use those before. */
const FIRST_SCENE = 2 ** 29;

/**
 * The third stage: the decoder gets more layers behind those it has, and learns from answers alone. No loss of it
 * writes places into tokens or teaches a head where to look.
 *
 * @param miniature the grown model
 */
export function growthStage(recipe: QuestionStageRecipe, miniature: Miniature, seed: number): Stage<Asked> {
  return questionStage(recipe, miniature, {
    name: "growth",
    firstScene: FIRST_SCENE,
    begin: async (weights) => grown(weights, miniature.config, randomFrom(seed + 3)),
  });
}

/**
 * Adds the layers of a deeper model that its weights lack. They begin as the identity, because what they would add to
 * the residual stream is multiplied by zero (`o_proj`, `down_proj`), so that the logits are the same to the last bit.
 * The others of their matrices are random, as in a fresh model.
 *
 * Source: Chen et al., "Net2Net", arXiv 1511.05641; zero output projections after Wu et al., "LLaMA Pro",
 * arXiv 2401.02415.
 *
 * @param weights of the shallower model; taken over
 * @param config of the deeper model
 */
export function grown(
  weights: ReadonlyMap<string, tf.Tensor>,
  config: VlmConfig,
  random: Random,
): Map<string, tf.Tensor> {
  const all = new Map<string, tf.Tensor>();
  for (const [name, fresh] of initialWeights(config, random)) {
    const trained = weights.get(name);
    const writes = /(o_proj|down_proj)\.weight$/.test(name);
    all.set(name, trained ?? (writes ? tf.zerosLike(fresh) : fresh.clone()));
    fresh.dispose();
  }
  return all;
}
