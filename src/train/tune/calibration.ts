import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { UsageError } from "../../core/errors.ts";
import { randomFrom } from "../../core/random-numbers.ts";
import { runSync } from "../../core/readback.ts";
import { preprocess } from "../../io/image.ts";
import { makeTemporary, removeTemporary } from "../../io/leftovers.ts";
import { parseAverage } from "../../methods/budget.ts";
import type { Pruning } from "../../methods/method.ts";
import type { Stage1Constants } from "../../methods/nuwa/constants.ts";
import type { SelectionKind } from "../../methods/nuwa/soft-stage1.ts";
import { createPruning } from "../../methods/registry.ts";
import type { PreparedPixels } from "../../model/preprocessing.ts";
import type { Vlm } from "../../model/vlm.ts";
import type { LoadedVlm } from "../../pipeline/answer.ts";
import { advance } from "../../pipeline/decode.ts";
import { forward } from "../../pipeline/prefill.ts";
import { batchOf, buildPrompt } from "../../pipeline/processor.ts";
import { questionRandom, questionsFor } from "../../world/questions.ts";
import { scenePng } from "../../world/rendering.ts";
import { sceneOf } from "../../world/scene.ts";
import { SEEDS_PER_SPLIT } from "../../world/splits.ts";
import type { TuneProblem, TuneRecipe } from "./tuning.ts";

/** Questions with their pictures and the ids of the right answers, the end included. */
export interface AnsweredBatch {
  /** One for each prompt. */
  readonly images: readonly PreparedPixels[];
  readonly prompts: readonly (readonly number[])[];
  readonly answers: readonly (readonly number[])[];
}

/** Scenes to calibrate on; when all have been used, steps begin again with another question of every scene. */
const CALIBRATION_SCENES = 256;

/** The longest answer that counts, in tokens; a box of the world has ten. */
const MOST_TOKENS = 12;

/**
 * Tuning for right answers: the loss is the cross-entropy of the answer's tokens under the pruned model,
 * computed as decoding computes them, with the right tokens fed. Answers rather than the unpruned model's
 * logits, because they are what pruning should keep, and because it takes one pass of the language model a
 * step instead of two. The selection is straight-through: the loss is that of the model as it will be used.
 *
 * @throws UsageError when the recipe is for another family of models
 */
export function calibrationOn(vlm: LoadedVlm, recipe: TuneRecipe): TuneProblem<AnsweredBatch> {
  const { family } = vlm.model.config;
  if (recipe.family !== family)
    throw new UsageError(`the recipe is for models of ${recipe.family}, but the model is ${family}. Make one for it.`);
  const { batch, validateOn } = recipe.stage;
  const scenes = sceneSeeds(recipe.seed, CALIBRATION_SCENES + validateOn);
  const [calibration, heldOut] = [scenes.slice(0, CALIBRATION_SCENES), scenes.slice(CALIBRATION_SCENES)];
  const lossOf = (constants: Stage1Constants, data: AnsweredBatch, selection: SelectionKind) => {
    const { variant, average, temperature } = recipe;
    const request = { average: parseAverage(average), variant, constants, selection, temperature };
    return answerLoss(vlm.model, data, createPruning("nuwa", vlm.model.config, request));
  };
  return {
    prepare(step) {
      const chosen = Array.from({ length: batch }, (_, i) => step * batch + i);
      return answered(
        vlm,
        chosen.map((i) => ({ scene: calibration[i % CALIBRATION_SCENES], round: Math.floor(i / CALIBRATION_SCENES) })),
      );
    },
    loss: (constants, data) => lossOf(constants, data, "straight-through"),
    async heldOut(constants) {
      let sum = 0;
      for (let first = 0; first < heldOut.length; first += batch) {
        const some = heldOut.slice(first, first + batch).map((scene) => ({ scene, round: 0 }));
        const data = await answered(vlm, some);
        const loss = tf.tidy(() => lossOf(constants, data, "hard"));
        sum += (await loss.data())[0] * some.length;
        loss.dispose();
      }
      return sum / heldOut.length;
    },
  };
}

/** Different scenes of the tuning split; a seed gives the same ones always. */
function sceneSeeds(seed: number, count: number): number[] {
  const random = randomFrom(seed);
  const seeds = new Set<number>();
  while (seeds.size < count) seeds.add(Math.floor(random() * SEEDS_PER_SPLIT));
  return [...seeds];
}

/** One question about each scene, with its answer; pictures go through PNG and preprocessing as in `nuwa ask`. */
async function answered(
  { model, tokenizer, template, preprocessing }: LoadedVlm,
  asked: readonly { readonly scene: number; readonly round: number }[],
): Promise<AnsweredBatch> {
  const folder = makeTemporary("tune");
  try {
    const path = join(folder, "scene.png");
    const images: PreparedPixels[] = [];
    const prompts: number[][] = [];
    const answers: number[][] = [];
    for (const { scene: seed, round } of asked) {
      const scene = sceneOf("tuning", seed);
      writeFileSync(path, await scenePng(scene, preprocessing.side));
      images.push(await preprocess(path, preprocessing));
      const questions = questionsFor(scene, questionRandom(scene));
      const { text, answer } = questions[round % questions.length];
      prompts.push([...buildPrompt(template, tokenizer, model.config.imageTokenId, text).ids]);
      answers.push(
        [...tokenizer.encode(answer, false), ...model.config.text.eosTokenIds.slice(0, 1)].slice(0, MOST_TOKENS),
      );
    }
    return { images, prompts, answers };
  } finally {
    removeTemporary(folder);
  }
}

/**
 * Cross-entropy of answers, mean over an answer's tokens and then over answers. Differentiable in whatever
 * the method was made with: selections are read inside the tape.
 */
export function answerLoss(model: Vlm, { images, prompts, answers }: AnsweredBatch, method: Pruning): tf.Scalar {
  let { logits, state } = runSync(() => forward(model, { ...batchOf(images), prompts }, method));
  const longest = Math.max(...answers.map((ids) => ids.length));
  const losses: tf.Tensor[] = [];
  for (let index = 0; index < longest; index++) {
    // After the end of an answer any id may be fed: nothing there is counted.
    if (index > 0)
      ({ logits, state } = advance(
        model,
        state,
        answers.map((ids) => [ids[index - 1] ?? 0]),
      ));
    const targets = new Float32Array(logits.size);
    answers.forEach((ids, sample) => {
      if (index < ids.length) targets[sample * logits.shape[1] + ids[index]] = 1 / (ids.length * answers.length);
    });
    losses.push(tf.logSoftmax(logits).mul(tf.tensor2d(targets, logits.shape)).sum());
  }
  return tf.addN(losses).neg() as tf.Scalar;
}
