import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { UsageError } from "../../core/errors.ts";
import { DEFAULT_METHODS, VARIANT_NAMES } from "../../eval/run/catalogue.ts";
import { mergeShards } from "../../eval/run/merge.ts";
import { DEFAULT_SCENES, parseShard } from "../../eval/run/plan.ts";
import { EVALUATED_METHODS } from "../../eval/run/settings.ts";
import { SHAPES_TASKS } from "../../eval/tasks/shapes-tasks.ts";
import { TASK_NAMES } from "../../eval/tasks/tasks.ts";
import { requireWritableFolder } from "../../io/files.ts";
import { whileLocked } from "../../io/lock.ts";
import { isMethodFile } from "../../io/method-file.ts";
import { parseAverage } from "../../methods/budget.ts";
import { POSITION_POLICIES } from "../../methods/nuwa/positions.ts";
import { SPLITS } from "../../world/splits.ts";
import { SHIPPED_MODEL } from "../about.ts";
import { addMemoryOption } from "../memory.ts";
import { backendOption, parseCount, parseInteger, requireText } from "../options.ts";
import { listQuestions } from "./list.ts";
import { writeMerged } from "./results.ts";
import { type EvalOptions, runEval } from "./run.ts";
import { evalWithWorkers } from "./workers.ts";

/** `nuwa eval`: scores methods on the world's questions and on benchmarks; samples and a summary are written to OUT. */
export function addEval(program: Command): void {
  const command = addMemoryOption(program.command("eval"))
    .description("score pruning methods on questions about pictures; run again to go on after an interruption")
    .addOption(names("--tasks", "task", TASK_NAMES, Object.keys(SHAPES_TASKS)))
    .option("--data <folder>", "files of the tasks that are not of shapes, in a folder each (docs/harness.md)")
    .addOption(names("--methods", "method", EVALUATED_METHODS, DEFAULT_METHODS, METHOD_FILES))
    .addOption(names("--variants", "variant", VARIANT_NAMES, ["official"]))
    .addOption(
      new Option("--averages <list>", "average visual tokens per decoder layer, as numbers or ratios")
        .argParser(parseAverages)
        .default(["1/3", "2/9", "1/9"], "1/3,2/9,1/9"),
    )
    .addOption(names("--positions", "position policy", [...POSITION_POLICIES, "own"], ["own"]))
    .addOption(new Option("--split <name>", "part of the world of shapes").choices([...SPLITS]).default("test"))
    .option("--seed <integer>", "draws scenes, permutations and resamples", parseInteger, 44)
    .option("--constants <file>", "constants of Nüwa's first pruning, as nuwa tune writes them")
    .option(
      "--limit <pictures>",
      `scenes of shapes, each with its 13 questions (default: ${DEFAULT_SCENES}); ` +
        "pictures of another task (default: all)",
      parseCount,
    )
    .option("--out <folder>", "samples.jsonl, summary.json, summary.md, scores.png go there", "out/eval")
    .addOption(
      new Option(
        "--shard <i/n>",
        "answer only this part of the questions; `nuwa eval merge` joins the parts",
      ).argParser((text) => {
        parseShard(text);
        return text;
      }),
    )
    .addOption(
      new Option("--workers <n>", "processes on this machine that share the questions")
        .argParser(parseCount)
        .conflicts("shard"),
    )
    .option("--model <folder>", "checkpoint folder (default: the one that comes with the project)", SHIPPED_MODEL)
    .addOption(backendOption())
    .addOption(new Option("--list", "print what would be asked, and load no model").conflicts("workers"))
    .option("--json", "with --list: as a JSON array")
    // Options after "merge" are those of merge, also where the names of options are the same.
    .enablePositionalOptions()
    .action(({ workers, list = false, json = false, ...options }: EvalOptions & OfThisProcess) => {
      if (options.data !== undefined) requireText("--data", options.data);
      if (json && !list) throw new UsageError("--json says how --list prints. Give both, or neither.");
      if (list) return listQuestions(options, json);
      requireWritableFolder(resolve(requireText("--out", options.out)));
      return workers === undefined
        ? runEval(options)
        : whileLocked(options.out, () => evalWithWorkers(options, workers));
    });
  command
    .command("merge")
    .description("put the shards of an evaluation together")
    .argument("<folders...>", "the --out folders of all shards")
    .requiredOption("--out <folder>", "where the whole evaluation goes")
    .action(async (folders: string[], { out }: { out: string }) => {
      requireWritableFolder(resolve(requireText("--out", out)));
      const shards = folders.map((folder) => join(requireText("a folder", folder)));
      await whileLocked(out, async () => writeMerged(out, mergeShards(shards)));
    });
}

/** Options that are no part of an evaluation. */
interface OfThisProcess {
  readonly workers?: number;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** What an option of names takes besides those that are known. */
interface OtherNames {
  readonly inWords: string;
  readonly takes: (name: string) => boolean;
}

const METHOD_FILES: OtherNames = {
  inWords: ", and paths of files of your own (docs/write-a-method.md)",
  takes: isMethodFile,
};

/** An option that takes comma-separated names out of those that are known. */
function names(
  flag: string,
  what: string,
  known: readonly string[],
  standard: readonly string[],
  others: OtherNames = { inWords: "", takes: () => false },
): Option {
  return new Option(`${flag} <names>`, `any of ${known.join(", ")}${others.inWords}`)
    .argParser((text) => {
      const named = listOf(what, text);
      const unknown = named.find((name) => !known.includes(name) && !others.takes(name));
      if (unknown !== undefined)
        throw new UsageError(`${what} "${unknown}" does not exist. There are: ${known.join(", ")}${others.inWords}.`);
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
