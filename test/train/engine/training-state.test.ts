import { readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { NuwaError } from "../../../src/core/errors.ts";
import { openSafetensors, readTensor, type TensorValues, writeSafetensors } from "../../../src/io/safetensors.ts";
import { hasCheckpoint } from "../../../src/train/engine/training-state.ts";
import { disposeResult, runRecipe } from "../../../src/train/shapes/session.ts";
import { tune, tuneRecipe } from "../../../src/train/tune/tuning.ts";
import { leaked } from "../../support.ts";
import { inFolder, MICRO, options } from "../support.ts";
import { plantedProblem } from "../tune/planted.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Path of the tensors of the training in a folder. */
function stateOf(folder: string): string {
  return join(folder, JSON.parse(readFileSync(join(folder, "progress.json"), "utf8")).tensors);
}

/** Writes the tensors of a training anew, changed. */
function rewrite(path: string, change: (tensors: Map<string, TensorValues>) => void): void {
  const file = openSafetensors(path);
  const tensors = new Map([...file.entries.keys()].map((name) => [name, readTensor(file, name)]));
  change(tensors);
  writeSafetensors(path, tensors);
}

const NORM = "vision_tower.vision_model.encoder.layers.0.layer_norm1.weight";
const zeros = (...shape: number[]): TensorValues => ({
  shape,
  values: new Float32Array(shape.reduce((product, n) => product * n, 1)),
});

/** What goes wrong when a training that was stopped in the middle of its first stage is resumed, damaged. */
async function complaint(damage: (folder: string) => void, stopAfter = 1): Promise<string> {
  return inFolder(async (folder) => {
    disposeResult(await runRecipe(MICRO, options(folder, { stopAfter })));
    damage(folder);
    const error = await runRecipe(MICRO, options(folder, { resume: true })).catch((reason) => reason);
    expect(error).toBeInstanceOf(NuwaError);
    return error.message.replaceAll(folder, "DIR");
  });
}

it("a link in the place of a training's progress is refused before work is done, also one to nowhere", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "progress.json");
    symlinkSync(join(folder, "elsewhere.json"), path);
    const line = `${path}: cannot be written (it is a link, not a file). Remove it, or choose another place.`;
    expect(() => hasCheckpoint(folder)).toThrow(line);
    writeFileSync(join(folder, "elsewhere.json"), "not JSON");
    await expect(runRecipe(MICRO, options(folder, { resume: true }))).rejects.toThrow(line);
  });
});

describe("the checkpoint of a training is refused by file and tensor", () => {
  const REMEDY = "Put the folder back from a copy, or start afresh in another one.";
  const changed = (change: (tensors: Map<string, TensorValues>) => void, stopAfter?: number) =>
    complaint((folder) => rewrite(stateOf(folder), change), stopAfter);

  it.each(["parameters", "first", "second"])("where %s have another shape", async (kind) => {
    expect(await changed((tensors) => tensors.set(`${kind}/${NORM}`, zeros(4, 4)))).toBe(
      `DIR/state-0-1.safetensors: the tensor "${kind}/${NORM}" is F32 of shape [4,4], not F32 of [16]. ${REMEDY}`,
    );
  });

  it("where a tensor is of whole numbers", async () => {
    const whole = { shape: [16], values: new Int32Array(16) };
    expect(await changed((tensors) => tensors.set(`first/${NORM}`, whole))).toContain(
      `"first/${NORM}" is I32 of shape [16], not F32 of [16]`,
    );
  });

  it.each(["parameters", "second"])("where one of %s is missing", async (kind) => {
    expect(await changed((tensors) => tensors.delete(`${kind}/${NORM}`))).toBe(
      `DIR/state-0-1.safetensors: lacks the tensor "${kind}/${NORM}". ${REMEDY}`,
    );
  });

  it("where weights that are not trained are missing or have another shape", async () => {
    const embedding = "frozen/language_model.model.embed_tokens.weight";
    expect(await changed((tensors) => tensors.delete(embedding))).toContain(`lacks the tensor "${embedding}"`);
    expect(await changed((tensors) => tensors.set(embedding, zeros(2, 2)))).toContain(`"${embedding}" is F32`);
  });

  it.each(["parameters/other", "frozen/other", "third/other", "other"])("where it holds %s besides", async (name) => {
    expect(await changed((tensors) => tensors.set(name, zeros(1)))).toBe(
      `DIR/state-0-1.safetensors: the tensor "${name}" does not belong to this training. ${REMEDY}`,
    );
  });

  it("where the state of the optimiser is gone, though the stage has begun", async () => {
    const message = await changed((tensors) => {
      for (const name of tensors.keys()) if (!name.startsWith("frozen/")) tensors.delete(name);
    });
    expect(message).toMatch(/^DIR\/state-0-1\.safetensors: lacks the tensor "parameters\//);
  });

  it("in the second stage, too", async () => {
    const name = "first/language_model.lm_head.weight";
    expect(await changed((tensors) => tensors.delete(name), 4)).toContain(
      `state-1-1.safetensors: lacks the tensor "${name}"`,
    );
  });

  it("where the file that progress.json names is missing", async () => {
    expect(await complaint((folder) => rmSync(stateOf(folder)))).toBe(
      `DIR/progress.json: field "tensors": the file state-0-1.safetensors is missing in the folder. ${REMEDY}`,
    );
  });

  it("where the file was cut off", async () => {
    const message = await complaint((folder) => truncateSync(stateOf(folder), 1000));
    expect(message).toMatch(/^DIR\/state-0-1\.safetensors: header length/);
    expect(message).toContain(REMEDY);
  });

  it.each([
    ["seconds", "long"],
    ["tensors", "../weights.safetensors"],
    ["steps", [{ stage: "vision" }]],
  ])("where %s in progress.json is %j", async (field, value) => {
    const message = await complaint((folder) => {
      const path = join(folder, "progress.json");
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), [field]: value }));
    });
    expect(message).toMatch(new RegExp(`^DIR/progress\\.json: field "${field}`));
  });
});

it("the checkpoint of a tuning is refused by file and tensor, too", async () => {
  const recipe = tuneRecipe({ variant: "paper", family: "llava", average: "1/9", seed: 1, steps: 3 }, "planted");
  const problem = plantedProblem(recipe.start, recipe);
  for (const [change, message] of [
    [(tensors: Map<string, TensorValues>) => tensors.set("first/keyNormExponent", zeros(2)), "not F32 of []"],
    [(tensors: Map<string, TensorValues>) => tensors.delete("parameters/pillarQuantile"), "lacks the tensor"],
    [
      (tensors: Map<string, TensorValues>) => tensors.set("parameters/slope", zeros()),
      "does not belong to this training",
    ],
  ] as const)
    await inFolder(async (folder) => {
      await tune(recipe, problem, options(folder, { stopAfter: 1 }));
      rewrite(stateOf(folder), change);
      const resuming = tune(recipe, problem, options(folder, { resume: true }));
      await expect(resuming).rejects.toThrow(NuwaError);
      await expect(resuming).rejects.toThrow(message);
    });
});

it("resuming leaves no tensors behind but the weights it returns", async () => {
  await inFolder(async (folder) => {
    disposeResult(await runRecipe(MICRO, options(folder, { stopAfter: 4 })));
    expect(await leaked(async () => disposeResult(await runRecipe(MICRO, options(folder, { resume: true }))))).toBe(0);
  });
});
