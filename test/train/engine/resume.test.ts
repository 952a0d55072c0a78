import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { loadModel } from "../../../src/io/load.ts";
import { curvesSvg } from "../../../src/train/engine/curves.ts";
import { readProgress } from "../../../src/train/engine/training-state.ts";
import type { Recipe } from "../../../src/train/shapes/recipe.ts";
import { disposeResult, runRecipe } from "../../../src/train/shapes/session.ts";
import { leaked, TESTED_BACKENDS } from "../../support.ts";
import { inFolder, inHalves, MICRO, options } from "../support.ts";

describe.each(TESTED_BACKENDS)("a training on %s", (backend) => {
  it.each([1, 2, 3, 5])("that is stopped after %i steps goes on to the same losses and weights", async (stop) => {
    await useBackend(backend);
    await inFolder(async (folder) => {
      const whole = await runRecipe(MICRO, options(join(folder, "whole")));
      const broken = join(folder, "broken");
      const first = await runRecipe(MICRO, options(broken, { stopAfter: stop }));
      expect(first.finished).toBe(false);
      const second = await runRecipe(MICRO, options(broken, { resume: true }));
      expect(second.finished).toBe(true);
      expect(second.progress.steps).toEqual(whole.progress.steps);
      expect(second.progress.figures).toEqual(whole.progress.figures);
      for (const [name, tensor] of whole.weights)
        expect(second.weights.get(name)?.dataSync(), name).toEqual(tensor.dataSync());
      for (const result of [whole, first, second]) disposeResult(result);
    });
  });
});

it("a training leaves no tensors behind but the weights it returns", async () => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    const left = await leaked(async () => disposeResult(await runRecipe(MICRO, options(folder))));
    expect(left).toBe(0);
  });
});

it("a finished training leaves one state, a model that loads, and curves of both stages", async () => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    const result = await runRecipe(MICRO, options(folder));
    expect(readdirSync(folder).filter((name) => name.startsWith("state-"))).toHaveLength(1);
    const model = loadModel(join(folder, "model"));
    for (const [name, tensor] of model.tensors)
      expect(inHalves(result.weights.get(name)?.dataSync() as Float32Array), name).toEqual(tensor.dataSync());
    const svg = curvesSvg(result.progress);
    for (const { name } of [{ name: "vision" }, { name: "language" }, { name: "grounding" }].slice(0, 2))
      expect(svg).toContain(name);
    tf.dispose([...model.tensors.values()]);
    disposeResult(result);
  });
});

it("a checkpoint of another recipe is refused", async () => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    disposeResult(await runRecipe(MICRO, options(folder, { stopAfter: 1 })));
    expect(existsSync(join(folder, "progress.json"))).toBe(true);
    const other: Recipe = { ...MICRO, seed: 7 };
    expect(() => readProgress(folder, other)).toThrow(/field "recipe"/);
  });
});

it("a training whose loss is not a number ends with one line, before it saves", async () => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    // The first update makes every weight infinite or NaN, so that the second step has no loss.
    const explosive = { ...MICRO, optimizer: { ...MICRO.optimizer, weightDecay: Number.POSITIVE_INFINITY } };
    await expect(runRecipe(explosive, options(folder, { saveEvery: 0 }))).rejects.toThrow(/step 2 .*has the loss NaN/);
    const { step, steps } = JSON.parse(readFileSync(join(folder, "progress.json"), "utf8"));
    expect([step, steps.length]).toEqual([1, 1]);
  });
});

it.each([
  ["stage", 99],
  ["step", 1_000_000],
])("progress that the recipe cannot have made is refused: %s %i", async (field, value) => {
  await useBackend("wasm");
  await inFolder(async (folder) => {
    disposeResult(await runRecipe(MICRO, options(folder, { stopAfter: 1 })));
    const path = join(folder, "progress.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), [field]: value }));
    await expect(runRecipe(MICRO, options(folder, { resume: true }))).rejects.toThrow(/fields "stage" and "step"/);
  });
});
