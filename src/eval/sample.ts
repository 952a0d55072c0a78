import { z } from "zod";
import { VARIANTS, type Variant } from "../methods/nuwa.ts";
import { FAMILIES } from "../world/question.ts";
import { SPLITS } from "../world/splits.ts";
import type { Setting } from "./settings.ts";
import { TASK_NAMES } from "./tasks.ts";

/** One answer: a line of `samples.jsonl`. */
export const sampleSchema = z.strictObject({
  task: z.enum(TASK_NAMES),
  family: z.enum(FAMILIES),
  style: z.string(),
  split: z.enum(SPLITS),
  /** The evaluation's seed. */
  seed: z.number().int(),
  /** The scene's seed within the split. */
  scene: z.number().int(),
  question: z.string(),
  expected: z.string(),
  answer: z.string(),
  correct: z.boolean(),
  iou: z.number().nullable(),
  centre: z.boolean().nullable(),
  method: z.string(),
  variant: z.enum(Object.keys(VARIANTS) as Variant[]).nullable(),
  average: z.string().nullable(),
  positions: z.string(),
  /** Visual tokens entering a decoder layer, averaged over the layers. */
  visualTokens: z.number(),
});

/** One answer, see {@link sampleSchema}. */
export type Sample = z.infer<typeof sampleSchema>;

/** What tells settings apart. */
export function settingKey({ method, variant, average, positions }: Setting): string {
  return JSON.stringify([method, variant, average, positions]);
}

/** What tells samples of an evaluation apart; no scene is asked the same text twice. */
export function sampleKey(setting: Setting, scene: number, question: string): string {
  return JSON.stringify([settingKey(setting), scene, question]);
}
