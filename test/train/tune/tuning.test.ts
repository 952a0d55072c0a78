import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { curvesSvg, writeCurves } from "../../../src/train/engine/curves.ts";
import type { ConstantValues } from "../../../src/train/tune/tuned-constants.ts";
import { type TuneRecipe, tune, tuneRecipe } from "../../../src/train/tune/tuning.ts";
import { leaked, TESTED_BACKENDS } from "../../support.ts";
import { inFolder, options } from "../support.ts";
import { plantedProblem } from "./planted.ts";

const TRUTH: ConstantValues = {
  distanceFraction: 0.5,
  similaritySharpness: 2,
  keyNormExponent: 0.6,
  pillarQuantile: 0.75,
};
const START: ConstantValues = {
  distanceFraction: 0.2,
  similaritySharpness: 1,
  keyNormExponent: 0.1,
  pillarQuantile: 0.5,
};

const recipeOf = (steps: number): TuneRecipe => {
  const recipe = tuneRecipe({ variant: "paper", family: "llava", average: "1/9", seed: 1, steps }, "planted");
  return { ...recipe, start: START };
};

describe.each(TESTED_BACKENDS)("tuning on %s", (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it("of a planted problem finds the constants that it was made with, and lowers the loss on held-out pictures thirtyfold", {
    timeout: 120_000,
  }, async () => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(250);
      const problem = plantedProblem(TRUTH, recipe);
      const { constants, finished } = await tune(recipe, problem, options(folder));
      expect(finished).toBe(true);
      expect(Math.abs(constants.distanceFraction - TRUTH.distanceFraction)).toBeLessThan(0.05);
      expect(Math.abs(constants.similaritySharpness - TRUTH.similaritySharpness)).toBeLessThan(0.3);
      expect(Math.abs(constants.keyNormExponent - TRUTH.keyNormExponent)).toBeLessThan(0.05);
      // With 28 kept patches a quantile within 1/27 makes the same pillars.
      expect(Math.abs(constants.pillarQuantile - TRUTH.pillarQuantile)).toBeLessThan(1 / 27);
      expect(await problem.heldOut(TRUTH)).toBe(0);
      expect(await problem.heldOut(constants)).toBeLessThan((await problem.heldOut(START)) / 30);
    });
  });

  it.each([1, 7])("stopped after %i steps and resumed ends with the same numbers, to the bit", async (stopAfter) => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(12);
      const problem = plantedProblem(TRUTH, recipe);
      const whole = await tune(recipe, problem, options(join(folder, "whole")));
      const first = await tune(recipe, problem, options(join(folder, "broken"), { stopAfter }));
      expect(first.finished).toBe(false);
      const second = await tune(recipe, problem, options(join(folder, "broken"), { resume: true }));
      expect(second.constants).toEqual(whole.constants);
      expect(second.progress.steps).toEqual(whole.progress.steps);
      expect(second.progress.figures).toEqual(whole.progress.figures);
    });
  });
});

describe("a tuning", () => {
  beforeAll(async () => {
    await useBackend("wasm");
  });

  it("that dies between two checkpoints goes on from the last one to the same numbers", async () => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(8);
      const problem = plantedProblem(TRUTH, recipe);
      const whole = await tune(recipe, problem, options(join(folder, "whole")));
      const dies = {
        ...problem,
        prepare: (step: number) => (step === 6 ? Promise.reject(new Error("killed")) : problem.prepare(step)),
      };
      const broken = join(folder, "broken");
      await expect(tune(recipe, dies, options(broken, { saveEvery: 0 }))).rejects.toThrow("killed");
      expect(existsSync(join(broken, "progress.json"))).toBe(true);
      expect((await tune(recipe, problem, options(broken, { resume: true }))).constants).toEqual(whole.constants);
    });
  });

  it("is not resumed with another recipe", async () => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(3);
      await tune(recipe, plantedProblem(TRUTH, recipe), options(folder, { stopAfter: 1 }));
      const other = { ...recipe, seed: 2 };
      await expect(tune(other, plantedProblem(TRUTH, other), options(folder, { resume: true }))).rejects.toThrow(
        /progress\.json: field "recipe": is not the recipe "tune"/,
      );
    });
  });

  it("draws its loss and its constants over the steps", async () => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(10);
      const { progress } = await tune(recipe, plantedProblem(TRUTH, recipe), options(folder));
      const drawing = { window: 5, label: "held-out loss and constants" };
      const svg = curvesSvg(progress, drawing);
      for (const name of ["held-out loss", "distanceFraction", "pillarQuantile"]) expect(svg).toContain(name);
      await writeCurves(folder, progress, drawing);
      expect(readFileSync(join(folder, "curves.svg"), "utf8")).toBe(svg);
    });
  });

  it("leaves no tensor behind", async () => {
    await inFolder(async (folder) => {
      const recipe = recipeOf(2);
      expect(await leaked(() => tune(recipe, plantedProblem(TRUTH, recipe), options(folder)))).toBe(0);
    });
  });
});
