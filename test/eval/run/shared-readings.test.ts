import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { evaluate } from "../../../src/eval/run/evaluate.ts";
import { openJournal } from "../../../src/eval/run/journal.ts";
import { batchesOf } from "../../../src/eval/run/plan.ts";
import type { Sample } from "../../../src/eval/run/sample.ts";
import {
  loadModel,
  loadProcessor,
  locatedWeights,
  type ModelPlan,
  type OpenedModel,
  openModel,
} from "../../../src/io/load.ts";
import { planMemory } from "../../../src/io/weights/plan.ts";
import { WeightReader } from "../../../src/io/weights/read-weights.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { microModel, newFolder, PLAN, removeFolders, stoppingAfter } from "../support.ts";

const SMALL = { ...PLAN, limit: 2 };
/** Questions of the only batch. */
const [{ length: QUESTIONS }] = batchesOf(SMALL).map(({ items }) => items);

/** The plan that holds least. */
function leastOf(opened: OpenedModel): ModelPlan {
  const plan = (bytes: number) =>
    planMemory("test", "test", locatedWeights(opened), opened.config.text.tieWordEmbeddings, {
      ...{ bytes, copies: 1, working: 0, remedy: "" },
    });
  let least = plan(1e9);
  try {
    for (let { bytes } = least; ; bytes -= 256) least = plan(bytes);
  } catch {
    return least;
  }
}

describe("an evaluation of a model whose layers are read when they are needed", () => {
  let opened: OpenedModel;
  let held: Sample[];

  /** All samples, and how often a layer was read. */
  async function evaluated(plan?: ModelPlan): Promise<{ samples: Sample[]; readings: number }> {
    const model = loadModel(opened, plan);
    const spy = vi.spyOn(WeightReader.prototype, "read");
    try {
      const vlm = { ...loadProcessor(opened), model };
      const journal = openJournal(newFolder(), { limit: 2 });
      const samples = await evaluate(vlm, SMALL, batchesOf(SMALL), journal, stoppingAfter(1e9));
      return { samples: samples as Sample[], readings: spy.mock.calls.length };
    } finally {
      spy.mockRestore();
      disposeModel(model);
    }
  }

  beforeAll(async () => {
    await useBackend("wasm");
    opened = openModel(await microModel());
    ({ samples: held } = await evaluated());
  });
  afterAll(removeFolders);

  it("asks whole batches side by side where they fit, and answers as the model that is held", async () => {
    const least = leastOf(opened);
    expect(least.streamed.length).toBeGreaterThan(2);
    const alone = await evaluated({ ...least, prompts: QUESTIONS });
    const shared = await evaluated({ ...least, prompts: 4 * QUESTIONS });
    expect(alone.samples).toEqual(held);
    expect(shared.samples).toEqual(held);
    expect(alone.readings).toBeGreaterThan(2 * shared.readings);
  });

  it("asks question by question where a batch does not fit, and answers as one at a time", async () => {
    const least = leastOf(opened);
    const alone = await evaluated({ ...least, prompts: 1 });
    const shared = await evaluated({ ...least, prompts: 6 });
    expect(shared.samples).toEqual(alone.samples);
    expect(shared.samples).toHaveLength(held.length);
    expect(alone.readings).toBeGreaterThan(3 * shared.readings);
  });
});
