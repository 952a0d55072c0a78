import type { Size } from "../../core/resample.ts";
import { type Mark, mark } from "../../eval/tasks/marking.ts";
import { type Truth, truthOf } from "../../world/reading.ts";
import { sceneIn } from "../../world/scene-file.ts";
import type { Split } from "../../world/splits.ts";

/** What is known of a question about a scene of the world. */
export interface SceneTruth extends Truth {
  readonly split: Split;
  readonly seed: number;
}

/** What a picture is to the world: the truth about the question, or why there is none; neither for other pictures. */
export interface Known {
  readonly truth?: SceneTruth;
  /** To be said where the picture is a scene, but answers cannot be marked. */
  readonly note?: string;
}

/**
 * Looks whether a picture was drawn by `nuwa scene`, and what then answers the question.
 *
 * @param paths images of the question: of several, none is looked at, for a question may be about any
 */
export async function knownOf(paths: readonly string[], question: string): Promise<Known> {
  if (paths.length !== 1) return {};
  const scene = await sceneIn(paths[0]);
  if (scene === undefined) return {};
  if (scene === "changed")
    return { note: "the picture names a scene of the world, but was changed since it was drawn: nothing is marked" };
  const { split, seed } = scene;
  const truth = truthOf(scene, question);
  if (truth) return { truth: { split, seed, ...truth } };
  return {
    note:
      `this is scene ${seed} of ${split}, but the question is none of the world's, or does not mean one shape: ` +
      "nothing is marked. nuwa scene prints questions that can be",
  };
}

/** The line that says which truth answers are compared with. */
export function describeTruth({ answer, split, seed, family }: SceneTruth): string {
  return `${answer} (scene ${seed} of ${split}, ${family})`;
}

/** A mark in words: "right (IoU 0.83)"; the intersection over union is with the exact box. */
export function describeMark({ correct, iou }: Mark): string {
  return `${correct ? "right" : "wrong"}${iou === null ? "" : ` (IoU ${iou.toFixed(2)})`}`;
}

/** Marks an answer as `nuwa eval` does. @param unit the picture's size in the unit of the model's boxes */
export function markOf({ answer, box }: SceneTruth, said: string, unit: Size): Mark {
  return mark({ answer, box }, said, unit);
}
