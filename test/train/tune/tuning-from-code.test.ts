import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
// What a researcher has: the public interface.
import { disposeModel, loadVlm, randomFrom, useBackend } from "../../../src/node.ts";
import { exportModel } from "../../../src/train/shapes/export.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import {
  calibrationOn,
  readConstants,
  type TrainOptions,
  type TuneProblem,
  tune,
  tuneRecipe,
  variantConstants,
  writeConstants,
} from "../../../src/train.ts";
import { leaked } from "../../support.ts";
import { inFolder, MICRO } from "../support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

const watched = (folder: string, losses: number[]): TrainOptions => ({
  folder,
  resume: false,
  saveEvery: 60,
  stopped: () => false,
  observer: { step: ({ loss }) => losses.push(loss), figures: () => undefined, saved: () => undefined },
});

describe("tuning from code", () => {
  const recipe = tuneRecipe({ variant: "official", family: "llava", average: "1/2", seed: 3, steps: 60 }, "of my own");

  it("finds what a loss of one's own asks for, and leaves no tensor", async () => {
    const wanted = 0.6;
    const problem: TuneProblem<number> = {
      prepare: async (step) => step,
      loss: ({ distanceFraction }) => distanceFraction.sub(wanted).square() as tf.Scalar,
      heldOut: async ({ distanceFraction }) => (distanceFraction - wanted) ** 2,
    };
    await inFolder(async (folder) => {
      expect(
        await leaked(async () => {
          const { finished, constants, progress } = await tune(recipe, problem, watched(folder, []));
          expect(finished).toBe(true);
          expect(Math.abs(constants.distanceFraction - wanted)).toBeLessThan(0.05);
          // What the loss does not name stays where it was.
          const { keyNormExponent, pillarQuantile } = variantConstants("official", "llava");
          expect(constants.keyNormExponent).toBeCloseTo(keyNormExponent, 5);
          expect(constants.pillarQuantile).toBeCloseTo(pillarQuantile, 5);
          expect(progress.steps).toHaveLength(60);
        }),
      ).toBe(0);
    });
  });

  it("runs on the scenes and questions of nuwa tune, and writes what --constants reads", {
    timeout: 120_000,
  }, async () => {
    await inFolder(async (folder) => {
      const directory = join(folder, "model");
      const config = configOfRecipe(MICRO);
      const weights = initialWeights(config, randomFrom(1));
      await exportModel(directory, config, weights);
      tf.dispose([...weights.values()]);

      const calibrated = loadVlm(directory);
      expect(() => calibrationOn(calibrated, { ...recipe, family: "qwen2_5_vl" })).toThrow(
        "the recipe is for models of qwen2_5_vl, but the model is llava.",
      );
      const { model } = calibrated;
      const two = { ...recipe, stage: { ...recipe.stage, steps: 2, warmup: 1, batch: 2, validateOn: 2 } };
      const problem = calibrationOn(calibrated, two);
      const losses: number[] = [];
      const { constants } = await tune(two, problem, watched(join(folder, "tuned"), losses));
      expect(losses).toHaveLength(2);
      expect(losses.every(Number.isFinite)).toBe(true);
      const heldOut = { before: await problem.heldOut(two.start), after: await problem.heldOut(constants) };
      const { variant, family, average } = two;
      const file = { variant, family, average, constants, heldOut, steps: 2, seed: two.seed };
      const path = join(folder, "constants.json");
      writeConstants(path, file);
      expect(readConstants(path)).toEqual(file);
      disposeModel(model);
    });
  });
});
