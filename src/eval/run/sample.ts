import { z } from "zod";
import type { Setting } from "./settings.ts";

/** One answer: a line of `samples.jsonl`. */
export const sampleSchema = z.strictObject({
  task: z.string(),
  /** A family of questions, a category or a split of the task. */
  family: z.string(),
  style: z.string(),
  split: z.string(),
  /** The evaluation's seed. */
  seed: z.number().int(),
  /** What dependent questions share: the scene's seed within the split, or the picture. */
  scene: z.union([z.number().int(), z.string()]),
  /** Names the question within its task. */
  id: z.string(),
  /** Which batch of the plan it was answered in; shards are merged by it. */
  batch: z.number().int(),
  question: z.string(),
  expected: z.string(),
  answer: z.string(),
  /** Why the answer could not be decoded or marked, where it could not; it counts as wrong. */
  failed: z.string().optional(),
  correct: z.boolean(),
  iou: z.number().nullable(),
  centre: z.boolean().nullable(),
  /** What else a task counts, by name. */
  marks: z.record(z.string(), z.number()).optional(),
  method: z.string(),
  variant: z.string().nullable(),
  average: z.string().nullable(),
  positions: z.string(),
  /** Visual tokens entering a decoder layer, averaged over the layers: the average that is asked for. */
  tokensEntering: z.number(),
  /**
   * Visual tokens leaving a decoder layer and the pruning after it, averaged over the layers, as some papers count.
   */
  tokensLeaving: z.number(),
});

/** One answer, see {@link sampleSchema}. */
export type Sample = z.infer<typeof sampleSchema>;

/** What distinguishes settings. */
export function settingKey({ method, variant, average, positions }: Setting): string {
  return JSON.stringify([method, variant, average, positions]);
}

/** What distinguishes samples of an evaluation. */
export function sampleKey(setting: Setting, { task, id }: Pick<Sample, "task" | "id">): string {
  return JSON.stringify([settingKey(setting), task, id]);
}
