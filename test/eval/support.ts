import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { randomFrom } from "../../src/core/random-numbers.ts";
import type { EvaluationObserver } from "../../src/eval/run/evaluate.ts";
import type { Plan } from "../../src/eval/run/plan.ts";
import { settingsOf } from "../../src/eval/run/settings.ts";
import { exportModel } from "../../src/train/shapes/export.ts";
import { initialWeights } from "../../src/train/shapes/initial.ts";
import { configOfRecipe } from "../../src/train/shapes/session.ts";
import { MICRO } from "../train/support.ts";

/** A folder that `removeFolders` takes away. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nuwa-test-eval-"));
  folders.push(folder);
  return folder;
}
const folders: string[] = [];
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A checkpoint folder of a model with 16 patches and random weights. */
export async function microModel(): Promise<string> {
  const folder = newFolder();
  const weights = initialWeights(configOfRecipe(MICRO), randomFrom(3));
  await exportModel(folder, configOfRecipe(MICRO), weights);
  tf.dispose([...weights.values()]);
  return folder;
}

/** Few questions about five scenes, in two batches. */
export const PLAN = {
  tasks: ["shapes-vqa", "shapes-grounding"],
  settings: settingsOf({
    methods: ["none", "nuwa", "permuted", "blind"],
    variants: ["official"],
    averages: ["1/4"],
    positions: ["compressed"],
  }),
  split: "test",
  seed: 7,
  limit: 5,
} as const satisfies Plan;

/** Watches nothing and stops after some batches. */
export function stoppingAfter(batches: number): EvaluationObserver {
  let answered = 0;
  return {
    answered: () => {
      answered++;
    },
    missed: () => undefined,
    stopped: () => answered >= batches,
  };
}
