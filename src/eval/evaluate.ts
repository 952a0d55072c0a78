import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knobs } from "../methods/nuwa.ts";
import { randomFrom } from "../random.ts";
import type { Question } from "../world/question.ts";
import { questionRandom, questionsFor } from "../world/questions.ts";
import { scenePng } from "../world/rendering.ts";
import { type Scene, sceneOf } from "../world/scene.ts";
import { SEEDS_PER_SPLIT, type Split } from "../world/splits.ts";
import { answerBatch, pixelsOfFile, type Respondent } from "./answers.ts";
import type { Journal } from "./journal.ts";
import { mark } from "./marking.ts";
import { type Sample, sampleKey } from "./sample.ts";
import { runOf, type Setting } from "./settings.ts";
import { type Task, taskOf } from "./tasks.ts";

/** What is asked, and of which settings. */
export interface Plan {
  readonly tasks: readonly Task[];
  readonly settings: readonly Setting[];
  readonly split: Split;
  /** Draws the scenes, the permutation of the `permuted` control and the resamples of the intervals. */
  readonly seed: number;
  /** Scenes; each is asked its 13 questions, or those of them that belong to the tasks. */
  readonly limit: number;
  /** Replace the constants of Nüwa's first pruning in every setting; of the one variant that is run. */
  readonly knobs?: Knobs;
}

/** Who watches an evaluation. */
export interface EvaluationObserver {
  /** After every batch: answers so far (those of earlier runs included) and in all. */
  answered(done: number, total: number): void;
  /** Asked before every batch: whether to stop. */
  stopped(): boolean;
}

/** Scenes whose questions are answered together. A batch is always the same one, so that a resumed run rounds alike. */
const SCENES_A_BATCH = 4;

/** The scenes of a plan: different seeds drawn from its seed. A larger limit begins with the same scenes. */
export function scenesOf({ split, seed, limit }: Pick<Plan, "split" | "seed" | "limit">): Scene[] {
  const random = randomFrom(seed);
  const seeds = new Set<number>();
  while (seeds.size < limit) seeds.add(Math.floor(random() * SEEDS_PER_SPLIT));
  return [...seeds].map((one) => sceneOf(split, one));
}

/** A question and the scene that it is about. */
interface Asked {
  readonly scene: Scene;
  readonly question: Question;
}

/** A scene's questions of some tasks. They do not depend on which tasks are chosen, only fewer are asked. */
function questionsOf(scene: Scene, tasks: readonly Task[]): Asked[] {
  return questionsFor(scene, questionRandom(scene))
    .filter(({ family }) => tasks.includes(taskOf(family)))
    .map((question) => ({ scene, question }));
}

/**
 * Runs every setting over the questions of the plan and writes each batch of answers as it comes. Samples
 * that the journal holds already are not answered again.
 *
 * @returns all samples, old and new, in the order of the journal; undefined when it was stopped
 * @throws UsageError before any answer when a setting does not fit the model
 */
export async function evaluate(
  respondent: Respondent,
  plan: Plan,
  journal: Journal,
  observer: EvaluationObserver,
): Promise<Sample[] | undefined> {
  const { config } = respondent.model;
  const runs = plan.settings.map((setting) => ({ setting, run: runOf(setting, config, plan.seed, plan.knobs) }));
  const asked = scenesOf(plan).map((scene) => questionsOf(scene, plan.tasks));
  const total = runs.length * asked.flat().length;
  const samples = [...journal.samples];
  const known = new Set(samples.map((sample) => sampleKey(sample, sample.scene, sample.question)));
  const folder = mkdtempSync(join(tmpdir(), "nuwa-eval-"));
  try {
    for (let first = 0; first < asked.length; first += SCENES_A_BATCH) {
      const batch = asked.slice(first, first + SCENES_A_BATCH).flat();
      const pixels = new Map<Scene, Float32Array>();
      for (const { setting, run } of runs) {
        const isNew = ({ scene, question }: Asked) => !known.has(sampleKey(setting, scene.seed, question.text));
        if (!batch.some(isNew)) continue;
        if (observer.stopped()) return undefined;
        if (pixels.size === 0) await preparePixels(batch, respondent, folder, pixels);
        const inputs = batch.map(({ scene, question }) => ({
          pixels: pixels.get(scene) as Float32Array,
          question: question.text,
        }));
        const answers = await answerBatch(respondent, inputs, run);
        const fresh = batch.flatMap((one, i) =>
          isNew(one) ? [sampleOf(plan, setting, one, answers[i].answer, answers[i].visualTokens)] : [],
        );
        journal.append(fresh);
        samples.push(...fresh);
        observer.answered(samples.length, total);
      }
    }
    return samples;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Pictures go through a PNG file and the model's own preprocessing, as those of `nuwa ask` do. */
async function preparePixels(
  batch: readonly Asked[],
  respondent: Respondent,
  folder: string,
  pixels: Map<Scene, Float32Array>,
): Promise<void> {
  const side = Math.max(...respondent.model.config.vision.imageSize);
  for (const scene of new Set(batch.map((one) => one.scene))) {
    const path = join(folder, "scene.png");
    writeFileSync(path, await scenePng(scene, side));
    pixels.set(scene, await pixelsOfFile(path, respondent));
  }
}

function sampleOf(
  { split, seed }: Plan,
  setting: Setting,
  { scene, question }: Asked,
  answer: string,
  visualTokens: number,
): Sample {
  const { family, style, text, answer: expected } = question;
  const where = { task: taskOf(family), family, style, split, seed, scene: scene.seed };
  return { ...where, question: text, expected, answer, ...mark(question, answer), ...setting, visualTokens };
}
