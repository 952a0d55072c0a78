import { setImmediate as nextTurn } from "node:timers/promises";
import { preprocess } from "../../io/image.ts";
import { makeTemporary, removeTemporary } from "../../io/leftovers.ts";
import { asRefusal, WRITE_REMEDY } from "../../io/opening.ts";
import { averageTokens } from "../../methods/ledger.ts";
import type { PreparedImage } from "../../model/preprocessing.ts";
import type { LoadedVlm } from "../../pipeline/answer.ts";
import type { Item, Marks } from "../tasks/item.ts";
import { type Answered, answerBatch } from "./answers.ts";
import type { Run } from "./controls.ts";
import type { Journal } from "./journal.ts";
import { missedAverage } from "./missed-average.ts";
import type { Batch, Plan } from "./plan.ts";
import { type Sample, sampleKey } from "./sample.ts";
import { runOf, type Setting } from "./settings.ts";

/** Gets the progress of an evaluation. */
export interface EvaluationObserver {
  /** After every batch: answers so far (those of earlier runs included) and in all. */
  answered(done: number, total: number): void;
  /** Once for each method and average that the answers do not keep to: how many visual tokens there are instead. */
  missed(hint: string): void;
  /** Asked before every batch: whether to stop. */
  stopped(): boolean;
}

/**
 * Runs every setting over some questions and writes each batch of answers as it comes. Samples that the
 * journal holds already are not answered again.
 *
 * @param batches all of the plan's, or those of a shard
 * @param runFor what to run for a setting, given the seed of what it draws at random; what its name says, unless given
 * @returns all samples, old and new, in the order of the journal; undefined when it was stopped
 * @throws UsageError before any answer when a setting does not fit the model
 */
export async function evaluate(
  vlm: LoadedVlm,
  { settings, seed, constants, catalogue }: Pick<Plan, "settings" | "seed" | "constants" | "catalogue">,
  batches: readonly Batch[],
  journal: Journal,
  observer: EvaluationObserver,
  runFor = (setting: Setting, draw: number): Run => runOf(setting, vlm.model.config, draw, constants, catalogue),
): Promise<Sample[] | undefined> {
  // What does not fit the model is refused before the first answer.
  for (const setting of settings) runFor(setting, seed);
  const total = answersIn(batches, settings);
  const samples = [...journal.samples];
  const known = new Set(samples.map((sample) => sampleKey(sample, sample)));
  const watchAverage = averageWatch(observer);
  const folder = makeTemporary("eval");
  try {
    for (const batch of batches) {
      let images: PreparedScenes | undefined;
      for (const setting of settings) {
        const isNew = (item: Item) => !known.has(sampleKey(setting, item));
        if (!batch.items.some(isNew)) continue;
        // On wasm everything else waits in microtasks alone, which would keep signals from being heard.
        await nextTurn();
        if (observer.stopped()) return undefined;
        images ??= await prepareScenes(batch, vlm, folder);
        const inputs = batch.items.map(({ scene, question }) => ({
          image: images?.get(scene) as PreparedImage,
          question,
        }));
        const longest = Math.max(...batch.items.map((item) => item.longest));
        const answers = await answerBatch(vlm, inputs, runFor(setting, drawOf(seed, batch)), longest);
        watchAverage(setting, answers[0]);
        const fresh = batch.items.flatMap((item, i) => {
          return isNew(item) ? [sampleOf(seed, setting, batch, item, answers[i], vlm)] : [];
        });
        journal.append(fresh);
        samples.push(...fresh);
        observer.answered(samples.length, total);
      }
    }
    return samples;
  } finally {
    removeTemporary(folder);
  }
}

/**
 * The seed of what a method or control draws for a batch. One draw for a whole evaluation would be one mask for
 * all pictures, and no interval over pictures would show the spread over draws.
 */
function drawOf(seed: number, { number }: Batch): number {
  return seed + number;
}

/** Checks the first answer of each method and average in this run. */
function averageWatch(observer: EvaluationObserver): (setting: Setting, first: Answered) => void {
  const seen = new Set<string>();
  return ({ method, variant, average }, { entering, total }) => {
    const key = JSON.stringify([method, variant, average]);
    const hint = seen.has(key) ? undefined : missedAverage({ method, variant, average }, entering, total);
    seen.add(key);
    if (hint !== undefined) observer.missed(hint);
  };
}

/** Answers that some batches give in some settings. */
export function answersIn(batches: readonly Batch[], settings: readonly Setting[]): number {
  return settings.length * batches.reduce((sum, { items }) => sum + items.length, 0);
}

/** By scene. */
type PreparedScenes = ReadonlyMap<Item["scene"], PreparedImage>;

/** Pictures go through a file and the model's own preprocessing, as those of `nuwa ask` do. */
async function prepareScenes({ items }: Batch, vlm: LoadedVlm, folder: string): Promise<PreparedScenes> {
  const { side } = vlm.preprocessing;
  const images = new Map<Item["scene"], PreparedImage>();
  for (const item of items) {
    if (!images.has(item.scene))
      images.set(item.scene, await preprocess(await pictureIn(folder, item, side), vlm.preprocessing));
  }
  return images;
}

/** The picture of a question as a file. @throws NuwaError when it cannot be written into the folder */
export async function pictureIn(folder: string, item: Item, side: number): Promise<string> {
  try {
    return await item.picture(folder, side);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw asRefusal(folder, error, "cannot be written", WRITE_REMEDY);
  }
}

function sampleOf(
  seed: number,
  setting: Setting,
  { number }: Batch,
  item: Item,
  { answer, problem, entering, leaving }: Answered,
  { preprocessing }: LoadedVlm,
): Sample {
  const { task, family, style, split, scene, id, question, expected } = item;
  const where = { task, family, style, split, seed, scene, id, batch: number };
  const tokens = { tokensEntering: averageTokens(entering), tokensLeaving: averageTokens(leaving) };
  const marks = marksOf(item, answer, problem, preprocessing);
  return { ...where, question, expected, answer, ...marks, ...setting, ...tokens };
}

/** An answer that cannot be decoded or marked is a wrong one: it must not end the evaluation of the others. */
function marksOf(
  item: Item,
  answer: string,
  problem: Error | undefined,
  preprocessing: LoadedVlm["preprocessing"],
): Marks & Pick<Sample, "failed"> {
  try {
    if (!problem) return item.mark(answer, preprocessing);
    return { ...item.mark("", preprocessing), correct: false, failed: problem.message };
  } catch (error) {
    const failed = problem?.message ?? `marking: ${(error as Error).message}`;
    return { correct: false, iou: null, centre: null, failed };
  }
}
