import { join } from "node:path";
import { z } from "zod";
import { NuwaError, UsageError } from "../../core/errors.ts";
import { shown, shownName } from "../../core/schema.ts";
import { readJson } from "../../io/files.ts";
import { isMethodFile } from "../../io/method-file.ts";
import { SPLITS } from "../../world/splits.ts";
import { SHAPES_TASKS } from "../tasks/shapes-tasks.ts";
import { requireAsked } from "./asked.ts";
import { type JournalOptions, readSamples } from "./journal.ts";
import { type AskedBatch, batchesOf, parseShard, questionsFingerprint, shardOf } from "./plan.ts";
import { type Sample, sampleKey, settingKey } from "./sample.ts";
import { type Choices, type Setting, settingsOf } from "./settings.ts";

/** An evaluation put together from its shards. */
export interface Merged {
  /** Those of the same evaluation run in one piece. */
  readonly options: JournalOptions;
  readonly settings: readonly Setting[];
  readonly seed: number;
  /** In the order in which it would have answered them. */
  readonly samples: readonly Sample[];
}

const count = z.number().int().nonnegative();

/** What the options.json of a shard holds besides what its answers depend on. */
export const shardOptions = z.looseObject({
  shard: z.string().optional(),
  /** Answers that the shard has when it is complete. */
  answers: count,
});

/** What its answers depend on, as far as it says which they are. */
const planFields = z.looseObject({
  tasks: z.array(z.string()).min(1),
  methods: z.array(z.string()).min(1),
  variants: z.array(z.string()),
  averages: z.array(z.string()),
  positions: z.array(z.string()),
  split: z.enum(SPLITS),
  seed: z.number().int(),
  limit: z.number().int().positive().optional(),
  layers: z.number().int().positive(),
  tokens: z.number().int().positive().optional(),
  questions: z.string(),
  // Of methods of one's own alone: making these anew would run a file that whoever wrote this names.
  settings: z.array(
    z.object({
      method: z.string(),
      variant: z.string().nullable(),
      average: z.string().nullable(),
      positions: z.string(),
    }),
  ),
});
const planSchema = planFields.refine(
  ({ methods, settings }) =>
    methods.filter(isMethodFile).every((file) => settings.some(({ method }) => method === file)),
  { path: ["settings"], message: "lacks a method that is a file" },
);

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
 * @throws NuwaError when a shard is not complete, its files are damaged, or hold what its plan does not ask for or no
 *   answer can be
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
    if (samples.length < answers)
      throw new NuwaError(
        `${folder}: has ${samples.length} of its ${answers} answers. Run its command again; it goes on where it was.`,
      );
  const plan = readJson(join(first.folder, "options.json"), planSchema);
  const settings = plan.methods.flatMap((method) =>
    isMethodFile(method)
      ? plan.settings.filter((setting) => setting.method === method)
      : settingsOf({ ...(plan as unknown as Choices), methods: [method] }),
  );
  const samples = shards.flatMap((shard) => shard.samples).sort((a, b) => a.batch - b.batch);
  const batches = askedBatches(join(first.folder, "options.json"), plan, samples);
  for (const shard of shards) requireWhole(shard, shardOf(batches, shard), settings, plan);
  const order = new Map(keysOf(batches, settings).map((key, i) => [key, i]));
  const place = (sample: Sample) => order.get(sampleKey(sample, sample)) as number;
  samples.sort((a, b) => place(a) - place(b));
  return { options: { ...first.plan, answers: samples.length }, settings, seed: plan.seed, samples };
}

/** In the order of answering. */
function keysOf(batches: readonly AskedBatch[], settings: readonly Setting[]): string[] {
  return batches.flatMap(({ items }) => settings.flatMap((setting) => items.map((item) => sampleKey(setting, item))));
}

function requireWhole(
  { folder, samples, answers }: ShardFolder,
  batches: readonly AskedBatch[],
  settings: readonly Setting[],
  plan: z.infer<typeof planSchema>,
): void {
  requireAsked(join(folder, "samples.jsonl"), samples, batches, settings, plan);
  const asked = settings.length * batches.reduce((sum, { items }) => sum + items.length, 0);
  if (answers !== asked)
    throw new NuwaError(
      `${join(folder, "options.json")}: field "answers": is ${answers}, but its plan asks for ${asked}. The folder ` +
        "is damaged; evaluate again, in another.",
    );
}

/**
 * What the plan of some shards asks. Questions about shapes follow from it; those of other tasks are taken from the
 * answers under one of the settings, as long as they have the fingerprint that the plan says.
 *
 * @param samples of all shards, by batch
 */
function askedBatches(path: string, plan: z.infer<typeof planSchema>, samples: readonly Sample[]): AskedBatch[] {
  const candidates = plan.tasks.every((task) => Object.hasOwn(SHAPES_TASKS, task))
    ? [batchesOf({ ...plan, settings: [] })]
    : batchesBySetting(samples);
  const asked = candidates.find((batches) => questionsFingerprint(batches) === plan.questions);
  if (!asked)
    throw new NuwaError(
      `${path}: field "questions": is not the fingerprint of the questions that were answered. The folders are ` +
        "damaged; evaluate again, in others.",
    );
  return asked;
}

function batchesBySetting(samples: readonly Sample[]): AskedBatch[][] {
  const all = new Map<string, Map<number, Sample[]>>();
  for (const sample of samples) {
    const batches = all.get(settingKey(sample)) ?? new Map<number, Sample[]>();
    all.set(settingKey(sample), batches);
    batches.set(sample.batch, [...(batches.get(sample.batch) ?? []), sample]);
  }
  return [...all.values()].map((batches) => [...batches].map(([number, items]) => ({ number, items })));
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
        `${shownName(changed)} ${shown(a[changed])} and ${shown(b[changed])}.`,
    );
}
