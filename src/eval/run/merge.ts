import { join } from "node:path";
import { z } from "zod";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { readJson } from "../../io/files.ts";
import { type JournalOptions, readSamples } from "./journal.ts";
import { parseShard } from "./plan.ts";
import { type Sample, sampleKey } from "./sample.ts";

/** An evaluation put together from its shards. */
export interface Merged {
  /** Those of the same evaluation run in one piece. */
  readonly options: JournalOptions;
  /** In the order in which it would have answered them. */
  readonly samples: readonly Sample[];
}

/** What the options.json of a shard holds besides what its answers depend on. */
export const shardOptions = z.looseObject({
  shard: z.string().optional(),
  /** Answers that the shard has when it is complete. */
  answers: z.number().int().nonnegative(),
});

interface ShardFolder {
  readonly folder: string;
  readonly index: number;
  readonly count: number;
  readonly answers: number;
  readonly plan: JournalOptions;
  readonly samples: readonly Sample[];
}

/**
 * Puts the shards of an evaluation together.
 *
 * @param folders one for each shard, in any order
 * @throws UsageError when they are not the whole of one evaluation: another plan, a shard missing or there twice
 * @throws NuwaError when a shard is not complete, or its files are damaged
 */
export function mergeShards(folders: readonly string[]): Merged {
  const shards = folders.map(openShard);
  const [first] = shards;
  for (const shard of shards) requireSamePlan(first, shard);
  for (const shard of shards) {
    const twin = shards.find((other) => other !== shard && other.index === shard.index);
    if (twin)
      throw new UsageError(
        `${shard.folder} and ${twin.folder}: both are shard ${shard.index}/${shard.count}. Give each shard once.`,
      );
  }
  const missing = Array.from({ length: first.count }, (_, i) => i + 1).filter(
    (index) => !shards.some((shard) => shard.index === index),
  );
  if (missing.length > 0)
    throw new UsageError(
      `shards missing: ${missing.map((index) => `${index}/${first.count}`).join(", ")}. ` +
        `Run them, or name their folders too.`,
    );
  for (const { folder, samples, answers } of shards)
    if (samples.length !== answers)
      throw new NuwaError(
        `${folder}: has ${samples.length} of its ${answers} answers. Run its command again; it goes on where it was.`,
      );
  const samples = shards.flatMap((shard) => shard.samples).sort((a, b) => a.batch - b.batch);
  if (new Set(samples.map((sample) => sampleKey(sample, sample))).size !== samples.length)
    throw new NuwaError(`${folders.join(", ")}: hold an answer twice. The journals are damaged.`);
  return { options: { ...first.plan, answers: samples.length }, samples };
}

function openShard(folder: string): ShardFolder {
  const path = join(folder, "options.json");
  const { shard, answers, ...plan } = readJson(path, shardOptions);
  if (shard === undefined) throw new UsageError(`${path}: is not of a shard. Give folders that --shard i/n wrote.`);
  const journal = join(folder, "samples.jsonl");
  // A shard's folder is its own, also where its journal could be repaired: its process may still be writing.
  const samples = readSamples(journal, () => {
    throw new NuwaError(
      `${journal}: its last line is not finished: the shard is still running, or was killed. ` +
        `Wait for its end, or run its command again.`,
    );
  });
  return { folder, ...parseShard(shard), answers, plan, samples };
}

function requireSamePlan(one: ShardFolder, other: ShardFolder): void {
  const [a, b] = [one, other].map(({ plan, count }): JournalOptions => ({ ...plan, shards: count }));
  const changed = Object.keys({ ...a, ...b }).find((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
  if (changed !== undefined)
    throw new UsageError(
      `${one.folder} and ${other.folder}: are shards of different evaluations: ` +
        `${changed} ${JSON.stringify(a[changed])} and ${JSON.stringify(b[changed])}.`,
    );
}
