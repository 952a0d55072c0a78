import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { useBackend } from "../backend/select.ts";
import { UsageError } from "../core/errors.ts";
import { requireWritableFolder } from "../io/files.ts";
import { whileLocked } from "../io/lock.ts";
import { terminalReport } from "../train/engine/progress-report.ts";
import { hasCheckpoint } from "../train/engine/training-state.ts";
import { RECIPES, recipeNamed } from "../train/shapes/recipe.ts";
import { disposeResult, runRecipe } from "../train/shapes/session.ts";
import { stopped, watchInterruptions } from "./interruption.ts";
import { backendOption, parseCount, requireText } from "./options.ts";

interface TrainCommandOptions {
  readonly recipe: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly saveEvery: number;
  readonly backend?: string;
}

/** `nuwa train`: trains a small model by a recipe; writes it to OUT/model when done, exit code 1 until then. */
export function addTrain(program: Command): void {
  program
    .command("train")
    .description("train a small vision-language model on scenes of shapes")
    .addOption(new Option("--recipe <name>", "what to train").choices(Object.keys(RECIPES)).default("shapes"))
    .option("--out <folder>", "checkpoints, curves and the finished model", "out/train")
    .option("--resume", "go on with the training in the folder")
    .option("--save-every <seconds>", "time between checkpoints", parseCount, 120)
    .addOption(backendOption())
    .action(runTrain);
}

async function runTrain(options: TrainCommandOptions): Promise<void> {
  // Before the work: the first checkpoint may be an hour away.
  requireWritableFolder(resolve(requireText("--out", options.out)));
  await whileLocked(options.out, () => trainInto(options));
}

async function trainInto(options: TrainCommandOptions): Promise<void> {
  const recipe = recipeNamed(options.recipe);
  const resume = options.resume ?? false;
  if (resume && !hasCheckpoint(options.out))
    throw new UsageError(`${options.out}: holds no training to resume. Leave out --resume.`);
  if (!resume && hasCheckpoint(options.out))
    throw new UsageError(`${options.out}: holds a training. Add --resume to go on with it, or give another --out.`);
  const backend = await useBackend(options.backend);
  process.stdout.write(`backend ${backend.name}: ${backend.reason}\n`);

  const interruption = watchInterruptions(() => process.stdout.write("\nsaving after this step\n"));
  try {
    const result = await runRecipe(recipe, {
      folder: options.out,
      resume,
      saveEvery: options.saveEvery,
      stopped: interruption.happened,
      observer: terminalReport(process.stdout),
    });
    disposeResult(result);
    // The library that draws takes a second to load: only now.
    const { writeCurves } = await import("../train/engine/curves.ts");
    await writeCurves(options.out, result.progress);
    if (!result.finished) throw stopped("the same command with --resume");
    process.stdout.write(
      `\nfinished: the model is in ${join(options.out, "model")}, its curves in ${join(options.out, "curves.svg")}\n`,
    );
  } finally {
    interruption.end();
  }
}
