/**
 * Measures every table of docs/results.md on the shipped model and writes them there. Answers lie in OUT; run
 * again to go on after an interruption.
 *
 * usage: npm run tables [-- --limit SCENES --seed SEED --backend NAME --out FOLDER]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../src/backend/select.ts";
import { SHIPPED_MODEL } from "../src/cli/about.ts";
import { terminalProgress } from "../src/cli/evalprogress.ts";
import { watchInterruptions } from "../src/cli/interruption.ts";
import { parseCount, parseInteger } from "../src/cli/options.ts";
import { requireWritableFolder, writeAtomically } from "../src/data/files.ts";
import { whileLocked } from "../src/data/lock.ts";
import { preprocessingOf } from "../src/data/preprocessing.ts";
import { loadChatTemplate } from "../src/data/prompt.ts";
import { loadTokenizer } from "../src/data/tokenizer.ts";
import { NuwaError } from "../src/errors.ts";
import { evaluate } from "../src/eval/evaluate.ts";
import { fingerprint } from "../src/eval/fingerprint.ts";
import { openJournal } from "../src/eval/journal.ts";
import { batchesOf } from "../src/eval/plan.ts";
import type { Setting } from "../src/eval/settings.ts";
import { SHAPES_TASKS, scenesOf } from "../src/eval/shapes.ts";
import { summarise } from "../src/eval/summary.ts";
import { disposeModel } from "../src/model/weights.ts";
import { loadModel, openModel } from "../src/pipeline/load.ts";
import { fill } from "./fill.ts";
import { factsOf, tablesOf } from "./tables/document.ts";
import { ALL_SETTINGS, SPREAD, tableRun } from "./tables/settings.ts";
import { type Spread, spreadOf } from "./tables/spread.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/results.md", import.meta.url));

interface Options {
  readonly limit: number;
  readonly seed: number;
  readonly backend?: string;
  readonly out: string;
}

async function tables({ limit, seed, backend: wanted, out }: Options): Promise<void> {
  const opened = openModel(SHIPPED_MODEL);
  const backend = await useBackend(wanted);
  const model = await fingerprint(opened);
  const plan = { tasks: Object.keys(SHAPES_TASKS), settings: ALL_SETTINGS, split: "test" as const, seed, limit };
  const journal = openJournal(out, { ...plan, model, backend: backend.name });
  const preprocessing = preprocessingOf(SHIPPED_MODEL, opened.config.vision.imageSize, opened.config.padImages);
  const respondent = {
    model: loadModel(opened),
    tokenizer: loadTokenizer(SHIPPED_MODEL),
    template: loadChatTemplate(SHIPPED_MODEL),
    preprocessing,
  };
  const interruption = watchInterruptions(() => process.stderr.write("\nstopping after this batch\n"));
  try {
    const observer = { ...terminalProgress(process.stderr, journal.samples.length), stopped: interruption.happened };
    const samples = await evaluate(respondent, plan, batchesOf(plan), journal, observer, (setting) =>
      tableRun(setting, opened.config, seed),
    );
    if (!samples) throw new NuwaError("stopped; the same command goes on where it was.");
    const rows = summarise(samples, ALL_SETTINGS, seed);
    writeAtomically(join(out, "summary.json"), `${JSON.stringify(rows, null, 2)}\n`);
    const spreads = new Map<Setting, Spread>();
    const scenes = scenesOf(plan);
    for (const setting of SPREAD)
      spreads.set(setting, await spreadOf(respondent.model, scenes, tableRun(setting, opened.config, seed).method));
    const asked = (task: string) => samples.filter((sample) => sample.task === task && sample.method === "none").length;
    const facts = factsOf({
      date: new Date().toISOString().slice(0, 10),
      model,
      backend: backend.name,
      seed,
      scenes: limit,
      questions: asked("shapes-vqa"),
      boxes: asked("shapes-grounding"),
    });
    writeAtomically(
      DOCUMENT,
      fill("docs/results.md", readFileSync(DOCUMENT, "utf8"), { facts, ...tablesOf({ rows, samples, seed, spreads }) }),
    );
    console.log(`${samples.length} answers in ${ALL_SETTINGS.length} settings; docs/results.md is written`);
  } finally {
    interruption.end();
    disposeModel(respondent.model);
  }
}

const options = new Command("tables")
  .option("--limit <scenes>", "scenes of the test split", parseCount, 60)
  .option("--seed <integer>", "draws scenes and resamples", parseInteger, 44)
  .addOption(new Option("--backend <name>", "tfjs backend").choices([...BACKEND_NAMES]))
  .option("--out <folder>", "answers go there", "out/tables")
  .parse()
  .opts<Options>();
try {
  requireWritableFolder(options.out);
  await whileLocked(options.out, () => tables(options));
} catch (error) {
  if (!(error instanceof NuwaError)) throw error;
  console.error(`tables: ${error.message}`);
  process.exitCode = 1;
}
