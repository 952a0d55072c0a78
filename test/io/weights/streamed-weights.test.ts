import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { runSync, tensorsIn } from "../../../src/core/readback.ts";
import { loadModel, locatedWeights, type ModelPlan, type OpenedModel, openModel } from "../../../src/io/load.ts";
import { planMemory } from "../../../src/io/weights/plan.ts";
import { createPruning } from "../../../src/methods/registry.ts";
import { disposeModel, type Vlm } from "../../../src/model/vlm.ts";
import { advance } from "../../../src/pipeline/decode.ts";
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
