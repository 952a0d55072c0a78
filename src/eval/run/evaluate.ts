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
import { type Job, roundsOf } from "./rounds.ts";
import { type Sample, sampleKey } from "./sample.ts";
import { runOf, type Setting } from "./settings.ts";

/** Gets the progress of an evaluation. */
export interface EvaluationObserver {
  /** After every batch, or question: answers so far (those of earlier runs included) and in all. */
  answered(done: number, total: number): void;
  /** Once for each method and average that the answers do not keep to: how many visual tokens there are instead. */
  missed(hint: string): void;
  /** Asked before every batch, or several that are answered side by side: whether to stop. */
  stopped(): boolean;
}

/**
 * Runs every setting over some questions and writes each batch of answers as it comes. Samples that the
 * journal holds already are not answered again. Where layers of the model are read when they are needed, as many
 * questions as there is memory for are answered side by side for one reading of each.
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
  const images = new Map<Batch, PreparedScenes>();
  const { turns } = vlm.model;
  const isNew = (setting: Setting, item: Item) => !known.has(sampleKey(setting, item));
  const answered = ({ batch, items, setting, draw }: Job) => {
    const asked = items.map(({ scene, question }) => ({
      image: images.get(batch)?.get(scene) as PreparedImage,
      question,
    }));
    const longest = Math.max(...batch.items.map((item) => item.longest));
    return answerBatch(vlm, asked, runFor(setting, draw), longest);
  };
  try {
    for (const jobs of roundsOf(batches, settings, seed, turns?.most, isNew)) {
      // On wasm everything else waits in microtasks alone, which would keep signals from being heard.
      await nextTurn();
      if (observer.stopped()) return undefined;
      await prepareBatches(images, jobs, vlm, folder);
      const works = jobs.map((job) => () => answered(job));
      const answers = turns ? await turns.together(works) : [await works[0]()];
      for (const [i, { batch, items, setting }] of jobs.entries()) {
        watchAverage(setting, answers[i][0]);
        const fresh = items.flatMap((item, at) =>
          isNew(setting, item) ? [sampleOf(seed, setting, batch, item, answers[i][at], vlm)] : [],
        );
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

/** Prepares the pictures of the batches that a round asks about, and forgets those of others. */
async function prepareBatches(
  images: Map<Batch, PreparedScenes>,
  jobs: readonly Job[],
  vlm: LoadedVlm,
  folder: string,
): Promise<void> {
  const wanted = new Set(jobs.map(({ batch }) => batch));
  for (const batch of images.keys()) if (!wanted.has(batch)) images.delete(batch);
  for (const batch of wanted) if (!images.has(batch)) images.set(batch, await prepareScenes(batch, vlm, folder));
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
