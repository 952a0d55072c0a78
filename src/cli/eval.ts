import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { BACKEND_NAMES, useBackend } from "../backend/select.ts";
import { requireWritableFolder, writeAtomically } from "../data/files.ts";
import { preprocessingOf } from "../data/preprocessing.ts";
import { loadChatTemplate } from "../data/prompt.ts";
import { loadTokenizer } from "../data/tokenizer.ts";
import { UsageError } from "../errors.ts";
import { type EvaluationObserver, evaluate, type Plan } from "../eval/evaluate.ts";
import { fingerprint } from "../eval/fingerprint.ts";
import { openJournal } from "../eval/journal.ts";
import { EVALUATED_METHODS, runOf, settingsOf } from "../eval/settings.ts";
import { summarise } from "../eval/summary.ts";
import { summaryTable } from "../eval/table.ts";
import { TASK_NAMES, type Task } from "../eval/tasks.ts";
import { VARIANTS, type Variant } from "../methods/nuwa.ts";
import { disposeModel } from "../model/weights.ts";
import { loadModel, openModel } from "../pipeline/load.ts";
import { parseAverage } from "../pruning/budget.ts";
import { POSITION_POLICIES, type PositionPolicy } from "../pruning/positions.ts";
import { duration, type Output } from "../train/report.ts";
import { SPLITS, type Split } from "../world/splits.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { watchInterruptions } from "./interruption.ts";
import { knobsFrom, parseCount, parseInteger, requireText } from "./options.ts";

interface EvalOptions {
  readonly tasks: readonly Task[];
  readonly methods: readonly string[];
  readonly variants: readonly Variant[];
  readonly averages: readonly string[];
  readonly positions: readonly PositionPolicy[];
  readonly split: Split;
  readonly seed: number;
  readonly limit: number;
  readonly out: string;
  readonly knobs?: string;
  readonly model: string;
  readonly backend?: string;
}

/** `nuwa eval`: scores methods on the world's questions; samples and a summary lie in OUT. */
export function addEval(program: Command): void {
  program
    .command("eval")
    .description("score pruning methods on questions about scenes of shapes; run again to go on after an interruption")
    .addOption(names("--tasks", "task", TASK_NAMES, TASK_NAMES))
    .addOption(names("--methods", "method", EVALUATED_METHODS, ["none", "nuwa"]))
    .addOption(names("--variants", "variant", Object.keys(VARIANTS), ["official"]))
    .addOption(
      new Option("--averages <list>", "average visual tokens per decoder layer, as numbers or ratios")
        .argParser(parseAverages)
        .default(["1/3", "2/9", "1/9"], "1/3,2/9,1/9"),
    )
    .addOption(names("--positions", "position policy", POSITION_POLICIES, ["original"]))
    .addOption(new Option("--split <name>", "part of the world").choices([...SPLITS]).default("test"))
    .option("--seed <integer>", "draws scenes, permutations and resamples", parseInteger, 44)
    .option("--limit <scenes>", "scenes, each with its 13 questions", parseCount, 100)
    .option("--knobs <file>", "constants of Nüwa's first pruning, as nuwa tune writes them")
    .option("--out <folder>", "samples.jsonl, summary.json, summary.md and options.json go there", "out/eval")
    .option("--model <folder>", "checkpoint folder (default: the one that comes with the project)", SHIPPED_MODEL)
    .addOption(
      new Option("--backend <name>", "tfjs backend (default: tensorflow where installed, else wasm)").choices([
        ...BACKEND_NAMES,
      ]),
    )
    .action(runEval);
}

async function runEval({
  out,
  model: folder,
  backend: wanted,
  knobs: knobsPath,
  ...options
}: EvalOptions): Promise<void> {
  requireWritableFolder(resolve(requireText("--out", out)));
  // Everything that can be wrong is found before the weights are read.
  const opened = openModel(requireText("--model", folder));
  const { tasks, split, seed, limit } = options;
  const tuned = knobsPath === undefined ? {} : { knobs: knobsFrom(knobsPath, options.methods, options.variants) };
  const plan: Plan = { tasks, split, seed, limit, settings: settingsOf(options), ...tuned };
  for (const setting of plan.settings) runOf(setting, opened.config, seed, plan.knobs);
  const tokenizer = loadTokenizer(folder);
  const template = loadChatTemplate(folder);
  const preprocessing = preprocessingOf(folder, opened.config.vision.imageSize, opened.config.padImages);
  const backend = await useBackend(wanted);
  const answersDependOn = { ...options, ...tuned, model: await fingerprint(opened), backend: backend.name };
  process.stdout.write(`backend ${backend.name}: ${backend.reason}\n`);

  const model = loadModel(opened);
  const interruption = watchInterruptions(process.stderr, "stopping after this batch");
  try {
    const journal = openJournal(out, answersDependOn);
    const observer = { ...terminalProgress(process.stderr, journal.samples.length), stopped: interruption.happened };
    const samples = await evaluate({ model, tokenizer, template, preprocessing }, plan, journal, observer);
    if (!samples) {
      process.stdout.write(`\nstopped; the same command goes on where it was\n`);
      return;
    }
    const rows = summarise(samples, plan.settings, seed);
    const table = summaryTable(rows, samples);
    writeAtomically(join(out, "summary.json"), `${JSON.stringify(rows, null, 2)}\n`);
    writeAtomically(join(out, "summary.md"), table);
    process.stdout.write(
      `${table}wrote ${["samples.jsonl", "summary.json", "summary.md"].map((name) => join(out, name)).join(", ")}\n`,
    );
  } finally {
    interruption.end();
    disposeModel(model);
  }
}

/** One updating line with the time left, on a terminal; nothing elsewhere. */
export function terminalProgress(output: Output, before: number): Pick<EvaluationObserver, "answered"> {
  const start = performance.now();
  return {
    answered(done, total) {
      if (!output.isTTY) return;
      const secondsEach = (performance.now() - start) / 1000 / (done - before);
      const left = duration((total - done) * secondsEach);
      output.write(`\r${done}/${total} answers  ${left} left\u001b[K${done === total ? "\n" : ""}`);
    },
  };
}

/** An option that takes comma-separated names out of those that are known. */
function names(flag: string, what: string, known: readonly string[], standard: readonly string[]): Option {
  return new Option(`${flag} <names>`, `any of ${known.join(", ")}`)
    .argParser((text) => {
      const named = listOf(what, text);
      const stranger = named.find((name) => !known.includes(name));
      if (stranger !== undefined)
        throw new UsageError(`${what} "${stranger}" does not exist. There are: ${known.join(", ")}.`);
      return named;
    })
    .default(standard, standard.join());
}

function parseAverages(text: string): string[] {
  const averages = listOf("average", text);
  averages.forEach(parseAverage);
  return averages;
}

function listOf(what: string, text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  const twice = items.find((item, i) => items.indexOf(item) !== i);
  if (twice !== undefined) throw new UsageError(`${what} "${twice}" is named twice.`);
  return items;
}
