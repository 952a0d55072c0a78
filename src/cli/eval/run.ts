import { join } from "node:path";
import { requireAsked } from "../../eval/run/asked.ts";
import { answersIn, evaluate, pictureIn } from "../../eval/run/evaluate.ts";
import { fingerprint, methodsFingerprint } from "../../eval/run/fingerprint.ts";
import { type Journal, type JournalOptions, openJournal } from "../../eval/run/journal.ts";
import { type Batch, batchesOf, type Plan, parseShard, questionsFingerprint, shardOf } from "../../eval/run/plan.ts";
import type { Sample } from "../../eval/run/sample.ts";
import { type Choices, runOf, settingsOf } from "../../eval/run/settings.ts";
import { preprocess } from "../../io/image.ts";
import { makeTemporary, removeTemporary } from "../../io/leftovers.ts";
import { loadProcessor, type OpenedModel, openModel } from "../../io/load.ts";
import { whileLocked } from "../../io/lock.ts";
import { isMethodFile } from "../../io/method-file.ts";
import { unprunedTokens } from "../../model/image-shape.ts";
import { disposeModel } from "../../model/vlm.ts";
import type { Split } from "../../world/splits.ts";
import { VERSION } from "../about.ts";
import { useBackendFor } from "../backend.ts";
import { stopped, watchInterruptions } from "../interruption.ts";
import { loadWithin, type MemoryOption } from "../memory.ts";
import { constantsFrom, requireFit, requireText } from "../options.ts";
import { promptNamed } from "../prompt.ts";
import { catalogueOf } from "./method-files.ts";
import { terminalProgress } from "./progress.ts";
import { writeResults } from "./results.ts";

/** Tokenizer, template and preprocessing of a checkpoint. */
type Processor = ReturnType<typeof loadProcessor>;

/** What `nuwa eval` was asked for. */
export interface EvalOptions extends Choices, MemoryOption {
  readonly tasks: readonly string[];
  readonly data?: string;
  readonly split: Split;
  readonly seed: number;
  readonly limit?: number;
  readonly out: string;
  readonly shard?: string;
  /** A file of `nuwa tune`. */
  readonly constants?: string;
  readonly model: string;
  readonly backend?: string;
}

/**
 * An evaluation in this process: the whole of it, or a shard, which gets no summary.
 *
 * @throws NuwaError when it was interrupted, with exit code 1, or when another process writes into the folder
 */
export async function runEval({
  out,
  model: folder,
  backend: wanted,
  constants: tuned,
  memory,
  ...options
}: EvalOptions): Promise<void> {
  // Everything that can be wrong is found before the weights are read.
  const opened = openModel(requireText("--model", folder));
  const constants =
    tuned === undefined ? undefined : constantsFrom(tuned, options.methods, options.variants, opened.config);
  const catalogue = await catalogueOf(options.methods);
  const plan: Plan = { ...options, settings: settingsOf(options, catalogue), constants, catalogue };
  for (const setting of plan.settings) runOf(setting, opened.config, plan.seed, constants, catalogue);
  const all = batchesOf(plan);
  const processor = loadProcessor(opened);
  await requireSettingsFit(opened, processor, plan, all);
  const batches = options.shard === undefined ? all : shardOf(all, parseShard(options.shard));
  const prompt = promptNamed(processor.template);
  const backend = await useBackendFor(opened, wanted);
  const { data: _, ...choices } = options;
  const { family, facts, imageShape } = opened.config;
  const possible = { seed: plan.seed, layers: facts.layers, tokens: imageShape && unprunedTokens(imageShape) };
  const journalOptions: JournalOptions = {
    version: VERSION,
    ...choices,
    constants,
    family,
    layers: possible.layers,
    tokens: possible.tokens,
    model: await fingerprint(opened),
    methodFiles: await methodsFingerprint(options.methods.filter(isMethodFile)),
    backend: backend.name,
    prompt,
    questions: questionsFingerprint(all),
    settings: plan.settings.filter(({ method }) => isMethodFile(method)),
    answers: answersIn(batches, plan.settings),
  };
  await whileLocked(out, async () => {
    const journal = openJournal(out, journalOptions);
    requireAsked(join(out, "samples.jsonl"), journal.samples, batches, plan.settings, possible);
    process.stdout.write(`backend ${backend.name}: ${backend.reason}\nprompt ${prompt}\n`);
    const samples = await answerAll({ opened, processor, memory }, plan, batches, journal);
    if (!samples) throw stopped("the same command");
    if (options.shard === undefined) await writeResults(out, samples, plan.settings, plan.seed);
    else process.stdout.write(`shard ${options.shard}: ${samples.length} answers in ${out}\n`);
  });
}

/**
 * Refuses settings that do not fit the first picture, before weights are read. Where pictures differ in shape, a later
 * one may be too small for an average.
 *
 * @throws UsageError, NuwaError
 */
async function requireSettingsFit(
  opened: OpenedModel,
  { preprocessing }: Processor,
  plan: Plan,
  [first]: readonly Batch[],
): Promise<void> {
  if (!first) return;
  const folder = makeTemporary("eval");
  try {
    const path = await pictureIn(folder, first.items[0], preprocessing.side);
    const image = await preprocess(path, preprocessing);
    for (const setting of plan.settings) {
      const { method } = runOf(setting, opened.config, plan.seed, plan.constants, plan.catalogue);
      requireFit(method, opened, [image]);
    }
  } finally {
    removeTemporary(folder);
  }
}

async function answerAll(
  { opened, processor, memory }: MemoryOption & { readonly opened: OpenedModel; readonly processor: Processor },
  plan: Plan,
  batches: readonly Batch[],
  journal: Journal,
): Promise<readonly Sample[] | undefined> {
  const missing = answersIn(batches, plan.settings) - journal.samples.length;
  if (missing === 0) return journal.samples;
  const model = loadWithin(opened, { memory }, missing);
  const interruption = watchInterruptions(() => process.stderr.write("\nstopping after this batch\n"));
  try {
    const observer = { ...terminalProgress(process.stderr, journal.samples.length), stopped: interruption.happened };
    return await evaluate({ ...processor, model }, plan, batches, journal, observer);
  } finally {
    interruption.end();
    disposeModel(model);
  }
}
