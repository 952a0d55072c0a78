import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { randomFrom } from "../../core/random-numbers.ts";
import { FAMILIES, type Family, type Question } from "../../world/question.ts";
import { questionRandom, questionsFor } from "../../world/questions.ts";
import { scenePng } from "../../world/rendering.ts";
import { type Scene, sceneOf } from "../../world/scene.ts";
import { SEEDS_PER_SPLIT, type Split } from "../../world/splits.ts";
import { accuracy, meanOf, overlapFigures, type Scoring } from "../score/figures.ts";
import type { Item } from "./item.ts";
import { mark } from "./marking.ts";

/**
 * The tasks over the world's questions: those answered by a word, and those answered by a box (what
 * VQA benchmarks and the RefCOCO family are to a photograph model).
 */
export const SHAPES_TASKS = {
  "shapes-vqa": FAMILIES.filter((family) => family !== "grounding"),
  "shapes-grounding": ["grounding"],
} as const satisfies Record<string, readonly Family[]>;

/** A key of {@link SHAPES_TASKS}. */
export type ShapesTask = keyof typeof SHAPES_TASKS;

/** How their answers become figures. */
export const SHAPES_SCORING: Readonly<Record<ShapesTask, Scoring>> = {
  "shapes-vqa": {
    families: SHAPES_TASKS["shapes-vqa"],
    figures: [accuracy],
    pools: [{ family: "all", figures: [accuracy] }],
    reported: { metric: "accuracy", family: "all" },
  },
  "shapes-grounding": {
    figures: [...overlapFigures("", ({ iou }) => iou ?? 0), meanOf("centre accuracy", ({ centre }) => Number(centre))],
    pools: [],
    reported: { metric: "ACC@0.5", family: "grounding" },
  },
};

/** Which scenes. */
export interface SceneChoice {
  readonly split: Split;
  /** Draws the scenes. */
  readonly seed: number;
  /** Scenes; each is asked its 13 questions, or those of them that belong to the tasks. */
  readonly limit: number;
}

/** Scenes whose questions are answered together. A batch is always the same one, so that a resumed run rounds alike. */
const SCENES_A_BATCH = 4;

/** A box is nine tokens and an end; an answer that goes on beyond this is truncated. */
const LONGEST = 16;

/** More have more answers than a journal holds. */
const MOST_SCENES = 100_000;

/**
 * Different scenes, drawn from the seed. A larger limit begins with the same scenes.
 *
 * @throws UsageError when there are too many
 */
export function scenesOf({ split, seed, limit }: SceneChoice): Scene[] {
  if (limit > MOST_SCENES)
    throw new UsageError(`limit ${limit} is too large: an evaluation has at most ${MOST_SCENES} scenes.`);
  const random = randomFrom(seed);
  const seeds = new Set<number>();
  while (seeds.size < limit) seeds.add(Math.floor(random() * SEEDS_PER_SPLIT));
  return [...seeds].map((one) => sceneOf(split, one));
}

/** The scenes' questions of some tasks, in batches; which scenes are in a batch does not depend on the tasks. */
export function shapesBatches(choice: SceneChoice, tasks: readonly string[]): Item[][] {
  const scenes = scenesOf(choice).map((scene) =>
    questionsFor(scene, questionRandom(scene))
      .map((question, i) => itemOf(scene, question, i))
      .filter(({ task }) => tasks.includes(task)),
  );
  return Array.from({ length: Math.ceil(scenes.length / SCENES_A_BATCH) }, (_, batch) =>
    scenes.slice(batch * SCENES_A_BATCH, (batch + 1) * SCENES_A_BATCH).flat(),
  ).filter((batch) => batch.length > 0);
}

function itemOf(scene: Scene, question: Question, i: number): Item {
  const { family, style, text, answer } = question;
  const task: ShapesTask = family === "grounding" ? "shapes-grounding" : "shapes-vqa";
  return {
    ...{ task, family, style, split: scene.split, scene: scene.seed, id: `${scene.seed}/${i}` },
    ...{ question: text, expected: answer, longest: LONGEST },
    pictureName: () => `scene ${scene.seed} of ${scene.split}`,
    async picture(folder, side) {
      const path = join(folder, "scene.png");
      writeFileSync(path, await scenePng(scene, side));
      return path;
    },
    mark: (said, { side, boxUnitOf }) => mark(question, said, boxUnitOf({ width: side, height: side })),
  };
}
