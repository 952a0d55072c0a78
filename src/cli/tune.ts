import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { BACKEND_NAMES } from "../backend/select.ts";
import { UsageError } from "../core/errors.ts";
import { fingerprint } from "../eval/run/fingerprint.ts";
import { requireWritableFolder } from "../io/files.ts";
import { loadModel, loadProcessor, type OpenedModel, openModel } from "../io/load.ts";
import { whileLocked } from "../io/lock.ts";
import { parseAverage } from "../methods/budget.ts";
import { VARIANTS, type Variant } from "../methods/nuwa/variants.ts";
import { createPruning } from "../methods/registry.ts";
import { disposeModel } from "../model/vlm.ts";
import { terminalReport } from "../train/engine/progress-report.ts";
import { hasCheckpoint } from "../train/engine/training-state.ts";
import { calibrationOn } from "../train/tune/calibration.ts";
import { type ConstantValues, writeConstants } from "../train/tune/tuned-constants.ts";
import { type TuneRecipe, tune, tuneRecipe } from "../train/tune/tuning.ts";
import { SHIPPED_MODEL } from "./about.ts";
import { useBackendFor } from "./backend.ts";
import { stopped, watchInterruptions } from "./interruption.ts";
import { parseCount, parseInteger, requireText } from "./options.ts";

interface TuneCommandOptions {
  readonly model: string;
  readonly variant: Variant;
  readonly average: string;
  readonly steps: number;
  readonly seed: number;
  readonly out: string;
  readonly resume?: boolean;
  readonly backend?: string;
}

/** `nuwa tune`: learns the continuous constants of stage 1; constants.json and curves are written to OUT. */
export function addTune(program: Command): void {
  program
    .command("tune")
    .description(
      "learn distance threshold, similarity sharpness, salience mixture and pillar quantile by gradient descent",
    )
    .addOption(
      new Option("--model <folder>", "checkpoint folder").default(SHIPPED_MODEL, "the one that comes with the project"),
    )
    .addOption(
      new Option("--variant <name>", "reading of Nüwa to start from: official or paper")
        .choices(Object.keys(VARIANTS))
        .default("official"),
    )
    .option("--average <tokens>", "average visual tokens per decoder layer: 64, or a ratio such as 1/9", "1/9")
    .option("--steps <n>", "steps of gradient descent, eight questions each", parseCount, 100)
    .option("--seed <integer>", "draws the scenes", parseInteger, 44)
    .option("--out <folder>", "constants.json, curves and checkpoints go there", "out/tune")
    .option("--resume", "go on with the tuning in the folder")
    .addOption(
      // The gradient needs selections read in the middle of a pass, which webgpu cannot do.
      new Option("--backend <name>", "tfjs backend (default: tensorflow where installed, else wasm)").choices(
        BACKEND_NAMES.filter((name) => name !== "webgpu"),
      ),
    )
    .action(runTune);
}

async function runTune(options: TuneCommandOptions): Promise<void> {
  const { out, average, variant } = options;
  const opened = openModel(requireText("--model", options.model));
  createPruning("nuwa", opened.config, { average: parseAverage(average), variant });
  const processor = loadProcessor(opened);
  requireWritableFolder(resolve(requireText("--out", out)));
  await whileLocked(out, () => tuneInto(options, opened, processor));
}

async function tuneInto(
  options: TuneCommandOptions,
  opened: OpenedModel,
  processor: ReturnType<typeof loadProcessor>,
): Promise<void> {
  const { out } = options;
  const resume = options.resume ?? false;
  if (resume && !hasCheckpoint(out)) throw new UsageError(`${out}: holds no tuning to resume. Leave out --resume.`);
  if (!resume && hasCheckpoint(out))
    throw new UsageError(`${out}: holds a tuning. Add --resume to go on with it, or give another --out.`);
  const backend = await useBackendFor(opened, options.backend);
  process.stdout.write(`backend ${backend.name}: ${backend.reason}\n`);

  const model = loadModel(opened);
  const interruption = watchInterruptions(() => process.stdout.write("\nsaving after this step\n"));
  try {
    const { family } = opened.config;
    const recipe = tuneRecipe({ ...options, family }, await fingerprint(opened));
    const problem = calibrationOn({ ...processor, model }, recipe);
    const result = await tune(recipe, problem, {
      folder: out,
      resume,
      saveEvery: 30,
      stopped: interruption.happened,
      observer: terminalReport(process.stdout),
    });
    // The library that draws takes a second to load: only now.
    const { writeCurves } = await import("../train/engine/curves.ts");
    await writeCurves(out, result.progress, { window: 5, label: "held-out loss and constants" });
    if (!result.finished || result.heldOut === undefined) throw stopped("the same command with --resume");
    const heldOut = { before: await problem.heldOut(recipe.start), after: result.heldOut };
    finish(options, recipe, result.constants, heldOut);
  } finally {
    interruption.end();
    disposeModel(model);
  }
}

function finish(
  { out, variant, average, steps, seed }: TuneCommandOptions,
  recipe: TuneRecipe,
  constants: ConstantValues,
  heldOut: { readonly before: number; readonly after: number },
): void {
  const path = join(out, "constants.json");
  writeConstants(path, { variant, family: recipe.family, average, constants, heldOut, steps, seed });
  const list = Object.entries(constants).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  const verdict =
    heldOut.after < heldOut.before
      ? `use them with --variant ${variant} --constants ${path}`
      : `no better than the constants of variant ${variant}: keep those`;
  process.stdout.write(
    `${list.join("  ")}\nheld-out loss ${heldOut.before.toFixed(4)} before, ` +
      `${heldOut.after.toFixed(4)} after; ${verdict}\n` +
      `wrote ${["constants.json", "curves.svg"].map((name) => join(out, name)).join(", ")}\n`,
  );
}
