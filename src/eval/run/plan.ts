import { createHash } from "node:crypto";
import { join } from "node:path";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { shown } from "../../core/schema.ts";
import type { Stage1Constants } from "../../methods/nuwa/constants.ts";
import type { Split } from "../../world/splits.ts";
import type { Item } from "../tasks/item.ts";
import { SHAPES_TASKS, shapesBatches } from "../tasks/shapes-tasks.ts";
import { BENCHMARKS } from "../tasks/tasks.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Setting } from "./settings.ts";

/** What is asked, and of which settings. */
export interface Plan {
  readonly tasks: readonly string[];
  readonly settings: readonly Setting[];
  /** Part of the world of shapes. */
  readonly split: Split;
  /**
   * Draws the scenes and the resamples of the intervals; and, with a batch's number, what methods and controls
   * draw at random for it.
   */
  readonly seed: number;
  /** Scenes of the world ({@link DEFAULT_SCENES} unless given), or pictures in each family of a benchmark (all). */
  readonly limit?: number;
  /** Folder of the benchmarks' files, one folder for each task. */
  readonly data?: string;
  /** Replace the constants of Nüwa's first pruning in every setting; of the one variant that is run. */
  readonly constants?: Stage1Constants;
  /** The definitions of the methods; the registry unless given. */
  readonly catalogue?: Catalogue;
}

/** Questions that are answered together, as one batch and in one shard. */
export interface Batch {
  /** Its index in the whole plan. */
  readonly number: number;
  readonly items: readonly Item[];
}

/** What a sample repeats of its question. */
export type AskedItem = Pick<Item, "task" | "family" | "style" | "split" | "scene" | "id" | "question" | "expected">;

/** Questions that are answered together, without their pictures. */
export interface AskedBatch extends Pick<Batch, "number"> {
  readonly items: readonly AskedItem[];
}

/** One of several parts of an evaluation: 1/4 … 4/4. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** Scenes unless a limit is given. */
export const DEFAULT_SCENES = 100;

/** Questions of a benchmark in a batch. */
const BENCHMARK_BATCH = 8;

/**
 * All questions of a plan, in batches that are always the same: prompts in a batch are padded to the
 * longest, which moves the last digits, so a shard takes whole batches and gets the answers of the whole run.
 *
 * @throws UsageError when a benchmark is asked for without `data`
 * @throws NuwaError naming the file of a benchmark that is wrong
 */
export function batchesOf({ tasks, split, seed, limit, data }: Plan): Batch[] {
  const batches: Item[][] = tasks.some((task) => Object.hasOwn(SHAPES_TASKS, task))
    ? shapesBatches({ split, seed, limit: limit ?? DEFAULT_SCENES }, tasks)
    : [];
  for (const benchmark of BENCHMARKS.filter(({ name }) => tasks.includes(name))) {
    if (data === undefined)
      throw new UsageError(`task "${benchmark.name}" is read from files. Give their folder with --data.`);
    const folder = join(data, benchmark.name);
    const items = firstScenes(benchmark.read(folder), limit);
    if (items.length === 0)
      throw new NuwaError(`${folder}: holds no questions. docs/harness.md says which files are needed.`);
    requireDistinct(folder, items);
    for (let i = 0; i < items.length; i += BENCHMARK_BATCH) batches.push(items.slice(i, i + BENCHMARK_BATCH));
  }
  return batches.map((items, number) => ({ number, items }));
}

/** The batches of a shard: every n-th, so that shards of a plan of several tasks take about equally long. */
export function shardOf<B extends Pick<Batch, "number">>(batches: readonly B[], { index, count }: Shard): B[] {
  return batches.filter(({ number }) => number % count === index - 1);
}

/**
 * Reads "2/4".
 *
 * @throws UsageError when it is not a part of a whole
 */
export function parseShard(text: string): Shard {
  const found = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const shard = { index: Number(found?.[1]), count: Number(found?.[2]) };
  if (!(shard.index >= 1 && shard.index <= shard.count))
    throw new UsageError(`shard ${shown(text)} is not one of 1/n … n/n, such as 2/4.`);
  return shard;
}

/**
 * A fingerprint of all that is known of the questions before they are answered: shards asked from different files must
 * not be merged.
 */
export function questionsFingerprint(batches: readonly AskedBatch[]): string {
  const hash = createHash("sha256");
  for (const { number, items } of batches)
    for (const { task, family, style, split, scene, id, question, expected } of items)
      hash.update(`${JSON.stringify([number, task, family, style, split, scene, id, question, expected])}\n`);
  return hash.digest("hex");
}

/** The questions about the first pictures of each family. */
function firstScenes(items: readonly Item[], limit: number | undefined): readonly Item[] {
  if (limit === undefined) return items;
  const scenes = new Map<string, Set<Item["scene"]>>();
  return items.filter(({ family, scene }) => {
    const seen = scenes.get(family) ?? new Set();
    scenes.set(family, seen);
    if (seen.size < limit) seen.add(scene);
    return seen.has(scene);
  });
}

function requireDistinct(folder: string, items: readonly Item[]): void {
  const seen = new Set<string>();
  for (const { id } of items) {
    if (seen.has(id)) throw new NuwaError(`${folder}: two questions have the id ${shown(id)}.`);
    seen.add(id);
  }
}
