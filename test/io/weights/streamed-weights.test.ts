import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { run, runSync, tensorsIn } from "../../../src/core/readback.ts";
import { record } from "../../../src/core/taps.ts";
import type { Turns } from "../../../src/core/turns.ts";
import { loadModel, locatedWeights, type ModelPlan, type OpenedModel, openModel } from "../../../src/io/load.ts";
import { planMemory } from "../../../src/io/weights/plan.ts";
import { WeightReader } from "../../../src/io/weights/read-weights.ts";
import { createPruning } from "../../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../../src/model/vlm.ts";
import { advance } from "../../../src/pipeline/decode.ts";
import { generate } from "../../../src/pipeline/generate.ts";
import { gradients } from "../../../src/pipeline/gradients.ts";
import { forward } from "../../../src/pipeline/prefill.ts";
import { batchOf } from "../../../src/pipeline/processor.ts";
import { TESTED_BACKENDS } from "../../support.ts";
import { preparedNoise, writeTinyFamily } from "../../support-families.ts";
import { refusal, scratchFolder } from "../scratch.ts";

/** A plan for so many bytes, whatever the machine has. */
function planFor(opened: OpenedModel, bytes: number): ModelPlan {
  const bounds = { bytes, copies: 1, working: 0, remedy: "" };
  return planMemory("test", "test", locatedWeights(opened), opened.config.text.tieWordEmbeddings, bounds);
}

/** All plans for a model that stream another number of layers, from the whole model down to one layer at a time. */
function plansOf(opened: OpenedModel): ModelPlan[] {
  const plans = new Map<number, ModelPlan>();
  try {
    for (let bytes = 2 ** 24; bytes > 0; bytes = Math.ceil(bytes * 0.98) - 1) {
      const plan = planFor(opened, bytes);
      plans.set(plan.streamed.length, plan);
    }
  } catch {
    // Too little for one layer at a time.
  }
  return [...plans.values()];
}

/** Prefill under a method, and two tokens more: all logits, to the bit. */
function logitsOf(opened: OpenedModel, model: Vlm, method: string): number[] {
  const { family } = opened.checkpoint;
  const preprocessing = family.parsePreprocessing("test", {}, model.config);
  const images = batchOf(preparedNoise(preprocessing, [[30, 20]]));
  const prompts = [[5, 6, model.config.imageTokenId, 7, 8, 9]];
  const pruning = createPruning(method, model.config, { average: { tokens: 4 } });
  return tf.tidy(() => {
    const result = runSync(() => forward(model, { ...images, prompts }, pruning));
    const steps = [result, advance(model, result.state, [[11]])];
    steps.push(advance(model, steps[1].state, [[12]]) as (typeof steps)[0]);
    tf.dispose(tensorsIn(images));
    return steps.flatMap(({ logits }) => [...logits.dataSync()]);
  });
}

const METHODS = { llava_next: ["none", "nuwa"], qwen2_5_vl: ["none", "nuwa", "sparsevlm"] } as const;

describe.each(TESTED_BACKENDS)("a model whose layers are read when they are needed, on %s", (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it.each(["llava_next", "qwen2_5_vl"] as const)("says the same for every size of memory, to the bit (%s)", (name) => {
    const folder = join(scratchFolder(), "model");
    writeTinyFamily(name, folder);
    const opened = openModel(folder);
    const plans = plansOf(opened);
    expect(plans.length).toBeGreaterThan(4);
    expect(plans[0].streamed).toEqual([]);
    expect(plans.at(-1)?.held.every(({ name: each }) => !/\.(layers|blocks)\.\d/.test(each))).toBe(true);
    const whole = loadModel(opened, plans[0]);
    const wanted = METHODS[name].map((method) => logitsOf(opened, whole, method));
    disposeModel(whole);
    for (const plan of plans.slice(1)) {
      const before = tf.memory().numTensors;
      const model = loadModel(opened, plan);
      const loaded = tf.memory().numTensors;
      METHODS[name].forEach((method, i) => {
        const found = logitsOf(opened, model, method);
        const differing = found.filter((value, at) => value !== wanted[i][at]).length;
        expect(differing, `${plan.streamed.length} streamed, ${method}`).toBe(0);
      });
      expect(tf.memory().numTensors).toBe(loaded);
      disposeModel(model);
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});

/** Answers of a model, pass by pass side by side, and how often a layer was read meanwhile. */
async function answersOf(
  model: Vlm,
  opened: OpenedModel,
  prompts: readonly (readonly number[])[],
  together: (works: readonly (() => Promise<number[]>)[]) => Promise<number[][]>,
): Promise<{ readonly logits: number[][]; readonly readings: number }> {
  const { family } = opened.checkpoint;
  const images = batchOf(preparedNoise(family.parsePreprocessing("test", {}, model.config), [[30, 20]]));
  const spy = vi.spyOn(WeightReader.prototype, "read");
  try {
    const works = prompts.map((prompt, i) => async () => {
      const pruning = createPruning(i % 2 === 0 ? "none" : "sparsevlm", model.config, {
        ...(i % 2 === 0 ? {} : { average: { tokens: 4 } }),
      });
      const recorder = record(["logits_last"]);
      const inputs = { ...images, prompts: [[...prompt.slice(0, 2), model.config.imageTokenId, ...prompt.slice(2)]] };
      const start = await run(() => forward(model, inputs, pruning, recorder.tap));
      const ids: number[] = [];
      // Answers of different lengths.
      const options = { maxNewTokens: 3 + i, stopTokens: [], tap: recorder.tap };
      for await (const [id] of generate(model, start, options)) ids.push(id as number);
      const logits = recorder.steps("logits_last").flatMap((step) => [...recorder.get("logits_last", step).dataSync()]);
      recorder.dispose();
      tf.dispose(tensorsIn(start));
      return [...ids, ...logits];
    });
    const logits = await together(works);
    return { logits, readings: spy.mock.calls.length };
  } finally {
    spy.mockRestore();
    tf.dispose(tensorsIn(images));
  }
}

describe("passes that run side by side", () => {
  it.each(["llava_next", "qwen2_5_vl"] as const)(
    "read each layer once for all, and say what each says alone (%s)",
    async (name) => {
      await useBackend("wasm");
      const folder = join(scratchFolder(), "model");
      writeTinyFamily(name, folder);
      const opened = openModel(folder);
      const model = loadModel(opened, plansOf(opened).at(-1));
      const prompts = [
        [5, 6, 7, 8],
        [9, 10, 11],
        [12, 13, 14, 15, 16],
      ];
      const { numTensors } = tf.memory();
      const oneByOne = async (works: readonly (() => Promise<number[]>)[]) => {
        const found: number[][] = [];
        for (const work of works) found.push(await work());
        return found;
      };
      const each: number[] = [];
      for (const [i] of prompts.entries()) {
        const own = (works: readonly (() => Promise<number[]>)[]) => oneByOne(works.slice(i, i + 1));
        each.push((await answersOf(model, opened, prompts, own)).readings);
      }
      const alone = await answersOf(model, opened, prompts, oneByOne);
      const shared = await answersOf(model, opened, prompts, (works) =>
        (model.turns as Turns<unknown>).together(works),
      );
      expect(shared.logits).toEqual(alone.logits);
      // The longest answer needs every layer once for each of its tokens; the others come along.
      expect(shared.readings).toBeLessThanOrEqual(Math.max(...each));
      expect(alone.readings).toBeGreaterThan(2 * shared.readings);
      expect(tf.memory().numTensors).toBe(numTensors);
      disposeModel(model);
    },
  );
});

describe("what reads layers", () => {
  const written = () => {
    const folder = join(scratchFolder(), "model");
    writeTinyFamily("qwen2_5_vl", folder);
    return { folder, path: join(folder, "model.safetensors"), opened: openModel(folder) };
  };

  it("refuses gradients, for which all weights must be there", async () => {
    await useBackend("wasm");
    const { opened } = written();
    const model = loadModel(opened, plansOf(opened).at(-1));
    const tensors = tf.memory().numTensors;
    const prompts = [[5, 6, 7]];
    const of = [model.tensors.get("model.norm.weight") as tf.Tensor];
    await expect(
      gradients(model, { prompts }, createPruning("none", model.config), ({ logits }) => logits.sum(), of),
    ).rejects.toThrow(/^gradients need all weights in memory, .* Use a larger --memory\.$/);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeModel(model);
  });

  it("names the tensor that holds NaN, and the file that ends, when it reads them; nothing is left behind", async () => {
    await useBackend("wasm");
    const { path, opened } = written();
    const tensors = tf.memory().numTensors;
    const plan = plansOf(opened).at(-1) as ModelPlan;
    const { entry } = plan.streamed[0].weights[1];
    const { begin, name } = entry;
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(0x7fc00000, begin + 8);
    writeFileSync(path, bytes);
    expect(refusal(() => loadModel(opened, plan))).toBe(
      `${path}: tensor "${name}" holds NaN. The file is damaged; fetch it again.`,
    );
    writeFileSync(path, bytes.subarray(0, begin + 8));
    expect(refusal(() => loadModel(opened, plan))).toMatch(/model\.safetensors: ended while being read/);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
