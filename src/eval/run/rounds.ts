import type { Item } from "../tasks/item.ts";
import type { Batch } from "./plan.ts";
import type { Setting } from "./settings.ts";

/** Questions that are answered in one pass. */
export interface Job {
  readonly batch: Batch;
  /** All of the batch, or one of them. */
  readonly items: readonly Item[];
  readonly setting: Setting;
  /** The seed of what a method or control draws for them. */
  readonly draw: number;
}

/**
 * Where the pictures of a batch are answered apart, each draws anew: as far from the draws of other batches as there
 * are batches in any evaluation.
 */
const DRAWS_APART = 2 ** 24;

/**
 * What is answered side by side, in order. Batches stay whole where memory allows, so that their answers are those of a
 * model that is held in memory; a batch that is too large is answered question by question.
 *
 * @param seed of the evaluation
 * @param most prompts that may be under way at once; undefined: one batch after the other, each whole
 * @param isNew whether a question has no answer yet
 */
export function roundsOf(
  batches: readonly Batch[],
  settings: readonly Setting[],
  seed: number,
  most: number | undefined,
  isNew: (setting: Setting, item: Item) => boolean,
): Job[][] {
  const rounds: Job[][] = [];
  let left = 0;
  for (const batch of batches)
    for (const setting of settings)
      for (const job of jobsOf(batch, setting, seed, most)) {
        if (!job.items.some((item) => isNew(setting, item))) continue;
        if (rounds.length === 0 || job.items.length > left) {
          rounds.push([]);
          left = most ?? 0;
        }
        rounds[rounds.length - 1].push(job);
        left -= job.items.length;
      }
  return rounds;
}

function jobsOf(batch: Batch, setting: Setting, seed: number, most: number | undefined): Job[] {
  // One draw for a whole evaluation would be one mask for all pictures, and no interval over pictures would show the
  // spread over draws.
  const draw = seed + batch.number;
  if (most === undefined || batch.items.length <= most) return [{ batch, items: batch.items, setting, draw }];
  const scenes = [...new Set(batch.items.map(({ scene }) => scene))];
  return batch.items.map((item) => ({
    ...{ batch, items: [item], setting },
    draw: draw + DRAWS_APART * scenes.indexOf(item.scene),
  }));
}
