import { join } from "node:path";
import { terminalProgress } from "../../src/cli/eval/progress.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { evaluate } from "../../src/eval/run/evaluate.ts";
import { fingerprint } from "../../src/eval/run/fingerprint.ts";
import { openJournal } from "../../src/eval/run/journal.ts";
import { batchesOf } from "../../src/eval/run/plan.ts";
import type { Sample } from "../../src/eval/run/sample.ts";
import type { Setting } from "../../src/eval/run/settings.ts";
import { type SummaryRow, summarise } from "../../src/eval/score/summary.ts";
import { type SceneChoice, SHAPES_TASKS, scenesOf } from "../../src/eval/tasks/shapes-tasks.ts";
import { makeFolder, writeAtomically } from "../../src/io/files.ts";
import { loadModel, loadProcessor, openModel } from "../../src/io/load.ts";
import { requireLlava } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { type Spread, spreadOf } from "./spread.ts";
import { tableRun } from "./table-settings.ts";

/** What was measured of a model. */
export interface Measured {
  readonly rows: readonly SummaryRow[];
  readonly samples: readonly Sample[];
  readonly fingerprint: string;
}

/** How it is measured. */
export interface MeasureOptions extends SceneChoice {
  readonly backend: string;
  /** Answers are kept there: run again, it goes on where it was. */
  readonly out: string;
  /** Asked before every batch. */
  readonly stopped: () => boolean;
}

/**
 * Asks a model the questions of some scenes in every setting.
 *
 * @throws NuwaError when it was stopped
 */
export async function measure(
  folder: string,
  settings: readonly Setting[],
  { out, backend, stopped, ...choice }: MeasureOptions,
): Promise<Measured> {
  makeFolder(out);
  const opened = openModel(folder);
  const print = await fingerprint(opened);
  const plan = { tasks: Object.keys(SHAPES_TASKS), settings, ...choice };
  const journal = openJournal(out, { ...plan, model: print, backend });
  const model = requireLlava(loadModel(opened));
  const respondent = { ...loadProcessor(opened), model };
  try {
    const observer = { ...terminalProgress(process.stderr, journal.samples.length), stopped };
    const run = (setting: Setting, draw: number) => tableRun(setting, model.config, draw);
    const samples = await evaluate(respondent, plan, batchesOf(plan), journal, observer, run);
    if (!samples) throw new NuwaError("stopped; the same command goes on where it was.");
    const rows = summarise(samples, settings, choice.seed);
    writeAtomically(join(out, "summary.json"), `${JSON.stringify(rows, null, 2)}\n`);
    return { rows, samples, fingerprint: print };
  } finally {
    disposeModel(respondent.model);
  }
}

/** How the patches that enter the decoder are distributed, for each setting, over the same scenes. */
export async function spreadsOf(
  folder: string,
  settings: readonly Setting[],
  choice: SceneChoice,
): Promise<Map<Setting, Spread>> {
  const model = requireLlava(loadModel(folder));
  const scenes = scenesOf(choice);
  const spreads = new Map<Setting, Spread>();
  for (const setting of settings) {
    // Scene by scene, so that what is drawn at random is drawn anew for each.
    const each: Spread[] = [];
    for (const [i, scene] of scenes.entries())
      each.push(await spreadOf(model, scene, tableRun(setting, model.config, choice.seed + i).method));
    const mean = (name: keyof Spread) => each.reduce((sum, one) => sum + one[name], 0) / each.length;
    spreads.set(setting, {
      ...{ patches: mean("patches"), regions: mean("regions") },
      ...{ radius: mean("radius"), shapes: mean("shapes") },
    });
  }
  disposeModel(model);
  return spreads;
}
