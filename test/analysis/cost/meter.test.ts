import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { measureCost } from "../../../src/analysis/cost/meter.ts";
import { costOf, paperFlops } from "../../../src/analysis/cost/paper.ts";
import { useBackend } from "../../../src/backend/select.ts";
import { normal, randomFrom } from "../../../src/core/random-numbers.ts";
import { run, runSync, tensorsIn } from "../../../src/core/readback.ts";
import { tapNames } from "../../../src/core/tap-points.ts";
import { type Tap, wants } from "../../../src/core/taps.ts";
import { fastvBudget } from "../../../src/methods/fastv.ts";
import { cropsOf, holov } from "../../../src/methods/holov.ts";
import { enteringPerLayer, type SampleLedger } from "../../../src/methods/ledger.ts";
import { DEFAULT_AVERAGE, type Method } from "../../../src/methods/method.ts";
import { none } from "../../../src/methods/none.ts";
import { nuwa } from "../../../src/methods/nuwa/nuwa.ts";
import { SELECTIONS } from "../../../src/methods/nuwa/soft-stage1.ts";
import { STAGE2_SCORES, VARIANTS } from "../../../src/methods/nuwa/variants.ts";
import { prumerge } from "../../../src/methods/prumerge.ts";
import { publishedPyramid, pyramidBudget } from "../../../src/methods/pyramiddrop.ts";
import { createMethod, METHOD_NAMES, methodNamed } from "../../../src/methods/registry.ts";
import type { CutBudget } from "../../../src/methods/schedule.ts";
import { sparsevlmBudget } from "../../../src/methods/sparsevlm/budget.ts";
import { sparsevlm } from "../../../src/methods/sparsevlm/sparsevlm.ts";
import { tome, tomeBudget } from "../../../src/methods/tome.ts";
import { visionzip, visionzipBudget } from "../../../src/methods/visionzip.ts";
import type { Llava } from "../../../src/model/llava/llava.ts";
import { disposeModel } from "../../../src/model/vlm.ts";
import { type ForwardResult, forward } from "../../../src/pipeline/prefill.ts";
import { tinyModel } from "../../support-tiny.ts";
import { CHOOSING, closedCost, mergedTower, type Sizes, sizesOf } from "./formula.ts";

/** Two tokens, the image, four tokens. */
const PROMPT = [1, 2, 3, 10, 11, 12, 13];
const BEHIND = 4;
const BUDGET = { budget: { stage1: 7, stage2: 3 }, cutLayer: 2 };

const MODELS: readonly (readonly [string, Parameters<typeof tinyModel>[0]])[] = [
  ["grouped queries", {}],
  [
    "a head for each query, tied embeddings, heads wider than the hidden size",
    { text: { num_key_value_heads: 4, head_dim: 6, tie_word_embeddings: true } },
  ],
  [
    "a wide picture, features of a block in the middle, a decoder narrower than the tower",
    {
      top: { vision_feature_layer: -3 },
      vision: { image_size: [12, 24], hidden_size: 24, num_hidden_layers: 4, num_attention_heads: 3 },
      text: { hidden_size: 12, num_attention_heads: 2, num_key_value_heads: 1, num_hidden_layers: 5 },
    },
  ],
];

function pictures({ config }: Llava, images: number): tf.Tensor4D {
  const random = randomFrom(1);
  const [height, width] = config.vision.imageSize;
  const values = Float32Array.from({ length: images * 3 * height * width }, () => normal(random));
  return tf.tensor4d(values, [images, 3, height, width]);
}

/** A measured prefill; everything that it made is freed, and nothing else is left behind. */
async function measured(model: Llava, method: Method) {
  const before = tf.memory().numTensors;
  const pixels = pictures(model, 1);
  const { result, cost } = await measureCost((tap) =>
    runSync(() => forward(model, { pixels, prompts: [PROMPT] }, method, tap)),
  );
  const caches = result.state.layers.map(({ cache }) => 4 * (cache.keys.size + cache.values.size));
  expect(cost.cacheBytes).toBe(caches.reduce((sum, bytes) => sum + bytes));
  const ledger = result.ledgers[0] as SampleLedger;
  tf.dispose([pixels, ...tensorsIn(result)]);
  expect(tf.memory().numTensors).toBe(before);
  return { cost, sizes: sizesOf(model.config, ledger) };
}

/** Demands equality to the digit, part by part, with the closed formula. */
async function expectExact(
  model: Llava,
  method: Method,
  choosing: (sizes: Sizes) => number,
  towerTokens?: (sizes: Sizes) => number[],
  projected?: (sizes: Sizes) => number,
): Promise<{ selection: number }> {
  const { cost, sizes } = await measured(model, method);
  expect(cost).toEqual(closedCost(sizes, choosing(sizes), towerTokens?.(sizes), projected?.(sizes)));
  return cost;
}

/** What a method of the registry takes to choose, by its name. */
function choosingOf(name: string, { config }: Llava, average: Parameters<typeof tomeBudget>[0] | undefined) {
  const asked = average ?? DEFAULT_AVERAGE;
  const decoder = ({ ledger: { total, layers } }: Sizes) => ({ total, layers });
  const blocks = config.facts.featureBlocks;
  const tower = (sizes: Sizes) => mergedTower(sizes, tomeBudget(asked, sizes.patches, blocks));
  const choosing: Record<string, (sizes: Sizes) => number> = {
    pooling: CHOOSING.pooling,
    nuwa: (sizes) => CHOOSING.nuwa(sizes),
    divprune: CHOOSING.divprune,
    hiprune: CHOOSING.hiprune,
    prumerge: CHOOSING.prumerge,
    visionzip: (sizes) => CHOOSING.visionzip(sizes, visionzipBudget(asked, sizes.patches)),
    sparsevlm: (sizes) => CHOOSING.sparsevlm(sizes, sparsevlmBudget(asked, decoder(sizes)), BEHIND),
    pyramiddrop: (sizes) =>
      CHOOSING.pyramiddrop(sizes, average ? pyramidBudget(average, decoder(sizes)) : publishedPyramid(decoder(sizes))),
    tome: (sizes) => CHOOSING.tome(sizes, tower(sizes)),
    scope: CHOOSING.allPairs,
    vispruner: CHOOSING.allPairs,
    cdpruner: CHOOSING.cdpruner,
    dart(sizes) {
      const tokens = average ? fastvBudget(average, decoder(sizes), 1) : Math.round((2 * sizes.patches) / 9);
      return CHOOSING.dart(sizes, { layer: 1, visualPivots: Math.min(4, tokens) }, BEHIND);
    },
    feather: (sizes) => CHOOSING.feather(sizes, [1, 2]),
    ivcprune: (sizes) => CHOOSING.ivcprune(sizes, Math.floor(sizes.ledger.layers / 2), BEHIND),
  };
  // It cuts before the first layer, where all patches have been projected.
  const projected = name === "cdpruner" ? ({ patches }: Sizes) => patches : undefined;
  return [choosing[name] ?? CHOOSING.nothing, name === "tome" ? tower : undefined, projected] as const;
}

it("counts the inner size of a product whose first factor is transposed", async () => {
  await useBackend("wasm");
  const model = tinyModel();
  const own = none();
  const method: Method = {
    ...own,
    name: "mine",
    *selectPatches(seen, tap) {
      tf.matMul(tf.ones([3, 5]), tf.ones([3, 7]), true).dispose();
      return yield* own.selectPatches(seen, tap);
    },
  };
  const { cost } = await measured(model, method);
  expect(cost.selection).toBe(2 * 5 * 7 * 3);
  disposeModel(model);
});

describe("the measured cost is, part by part, what the sizes say that the program multiplies and adds:", () => {
  beforeAll(() => useBackend("wasm"));

  describe.each(MODELS)("%s,", (_, overrides) => {
    it.each(METHOD_NAMES)("%s as it is by default and at three averages", async (name) => {
      const model = tinyModel(overrides);
      const averages = [undefined, { ratio: 0.5 }, { tokens: 5 }, { tokens: 8 }];
      for (const average of methodNamed(name).publishedOnly ? [undefined] : averages) {
        const method = createMethod(name, model.config, { average });
        const { selection } = await expectExact(model, method, ...choosingOf(name, model, average));
        if (["none", "random", "fastv", "holov"].includes(name)) expect(selection).toBe(0);
        else expect(selection).toBeGreaterThan(0);
      }
      disposeModel(model);
    });

    const readings = (["official", "paper"] as const).flatMap((variant) =>
      STAGE2_SCORES.flatMap((stage2) => SELECTIONS.map((selection) => [variant, stage2, selection] as const)),
    );
    it.each(readings)("Nüwa, %s, cut by %s, selection %s", async (variant, stage2, selection) => {
      const model = tinyModel(overrides);
      const sequence = BUDGET.budget.stage1 + PROMPT.length - 1;
      const choosing = (regionSize: number) => (sizes: Sizes) =>
        CHOOSING.nuwa(sizes, selection, regionSize) +
        (stage2 === "cosine" ? CHOOSING.cosineToText(sizes, sequence) : 0);
      for (const cosineSpace of ["hidden", "embeddings"] as const) {
        const method = nuwa({ ...VARIANTS[variant], ...BUDGET, stage2, selection, cosineSpace });
        await expectExact(model, method, choosing(2));
      }
      const wide = nuwa({ ...VARIANTS[variant], ...BUDGET, stage2, selection, regionSize: 3 });
      await expectExact(model, wide, choosing(3));
      disposeModel(model);
    });

    it("HoloV in the paper's reading", async () => {
      const model = tinyModel(overrides);
      const choosing = (sizes: Sizes) =>
        CHOOSING.holov(
          sizes,
          cropsOf(sizes.patches, 3).map((run) => run.length),
        );
      await expectExact(model, holov({ keep: 6, reading: "paper", crops: 3 }), choosing);
      disposeModel(model);
    });

    const stages: CutBudget = [
      { layer: 1, keep: 9 },
      { layer: 3, keep: 4 },
    ];
    it("SparseVLM, v1.5, with noise and without", async () => {
      const model = tinyModel(overrides);
      const choosing = (sizes: Sizes) => CHOOSING.sparsevlm(sizes, stages, BEHIND);
      await expectExact(model, sparsevlm({ stages }), choosing);
      await expectExact(model, sparsevlm({ stages, noise: 1 }), choosing);
      disposeModel(model);
    });

    it("SparseVLM, rank: r raters make a matrix of r² products for each visual token", async () => {
      const model = tinyModel(overrides);
      const { cost, sizes } = await measured(model, sparsevlm({ stages, version: "rank" }));
      const [first, , second] = enteringPerLayer(sizes.ledger);
      const every = { ...closedCost(sizes, 0), selection: 0, flops: 0 };
      expect({ ...cost, selection: 0, flops: 0 }).toEqual(every);
      // The rank of raters × visual tokens times 13.5 covers them all here, so that nothing is recycled.
      const rest =
        cost.selection / 2 -
        CHOOSING.sparsevlm(
          sizes,
          stages.map((s) => ({ ...s, keep: first })),
          BEHIND,
        );
      expect(second).toBeLessThanOrEqual(first);
      expect([1, 2, 3, 4].map((raters) => raters ** 2 * (first + second))).toContain(rest);
      disposeModel(model);
    });
  });

  it.each(["none", "fastv", "sparsevlm", "pyramiddrop", "tome"])("%s with the class token kept", async (name) => {
    const model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
    const average = { ratio: 0.5 };
    await expectExact(model, createMethod(name, model.config, { average }), ...choosingOf(name, model, average));
    disposeModel(model);
  });

  it("parameters at their ends: nothing kept but one, all kept, nothing merged, no neighbours", async () => {
    const model = tinyModel();
    const whole = { budget: { stage1: 16, stage2: 16 }, cutLayer: 1 };
    const one = { budget: { stage1: 1, stage2: 1 }, cutLayer: 1 };
    const all = [{ layer: 1, keep: 16 }];
    const nuwaByCosine = (sizes: Sizes) => CHOOSING.nuwa(sizes) + CHOOSING.cosineToText(sizes, PROMPT.length);
    expect(await expectExact(model, nuwa({ ...VARIANTS.official, ...whole }), CHOOSING.nothing)).toMatchObject({
      selection: 0,
    });
    await expectExact(model, nuwa({ ...VARIANTS.paper, ...one }), nuwaByCosine);
    await expectExact(model, prumerge({ keep: 1, neighbours: 0 }), CHOOSING.prumerge);
    await expectExact(model, prumerge({ neighbours: 3 }), CHOOSING.prumerge);
    for (const split of [
      { dominant: 17, contextual: 0 },
      { dominant: 1, contextual: 16 },
    ])
      await expectExact(model, visionzip(split), (sizes) => CHOOSING.visionzip(sizes, split));
    await expectExact(model, sparsevlm({ stages: all }), (sizes) => CHOOSING.sparsevlm(sizes, all, BEHIND));
    for (const merged of [[], [3, 0, 40]]) {
      const tower = (sizes: Sizes) => mergedTower(sizes, merged);
      await expectExact(model, tome({ merged }), (sizes) => CHOOSING.tome(sizes, tower(sizes)), tower);
    }
    disposeModel(model);
  });

  it("differs from the paper's formula by the MLP's third matrix, without text and grouped queries", async () => {
    const model = tinyModel({ text: { num_key_value_heads: 4 } });
    const { sizes } = await measured(model, nuwa({ ...VARIANTS.official, ...BUDGET }));
    const { hiddenSize, intermediateSize } = model.config.text;
    const withoutText = closedCost({ ...sizes, ledger: { ...sizes.ledger, textTokens: 0 } }, 0);
    const perLayer = [7, 7, 3, 3];
    const third = perLayer.reduce((sum, tokens) => sum + 2 * tokens * hiddenSize * intermediateSize, 0);
    expect(costOf(sizes.ledger, model.config.text).flops).toBe(paperFlops(perLayer, hiddenSize, intermediateSize));
    expect(withoutText.decoder).toBe(paperFlops(perLayer, hiddenSize, intermediateSize) + third);
    disposeModel(model);
  });
});

describe("the meter", () => {
  beforeAll(() => useBackend("wasm"));
  const pass = (model: Llava, prompts: readonly (readonly number[])[], tap: Tap): ForwardResult => {
    const images = prompts.filter((prompt) => prompt.includes(3)).length;
    const pixels = images > 0 ? pictures(model, images) : undefined;
    const result = runSync(() => forward(model, { pixels, prompts }, none(), tap));
    pixels?.dispose();
    return result;
  };

  it("counts the same whether values are read synchronously or not, and gives back the result untouched", async () => {
    const model = tinyModel();
    const method = createMethod("tome", model.config, { average: { ratio: 0.5 } });
    const pixels = pictures(model, 1);
    const work = (tap?: Tap) => forward(model, { pixels, prompts: [PROMPT] }, method, tap);
    const now = await measureCost((tap) => runSync(() => work(tap)));
    const later = await measureCost((tap) => run(() => work(tap)));
    const unwatched = runSync(() => work());
    expect(later.cost).toEqual(now.cost);
    expect(later.result.logits.dataSync()).toEqual(unwatched.logits.dataSync());
    tf.dispose([pixels, ...tensorsIn([now, later, unwatched])]);
    disposeModel(model);
  });

  it("counts a prompt without an image, which has neither tower nor projector", async () => {
    const model = tinyModel();
    const { result, cost } = await measureCost((tap) => pass(model, [[1, 2, 4]], tap));
    expect(cost).toMatchObject({ visionTower: 0, selection: 0, projector: 0 });
    expect(cost.decoder).toBeGreaterThan(0);
    tf.dispose(tensorsIn(result));
    disposeModel(model);
  });

  it("does not count what runs behind the logits", async () => {
    const model = tinyModel();
    const alone = await measureCost((tap) => pass(model, [PROMPT], tap));
    const andMore = await measureCost((tap) => {
      const result = pass(model, [PROMPT], tap);
      tf.matMul(tf.ones([3, 3]), tf.ones([3, 3])).dispose();
      return result;
    });
    expect(andMore.cost).toEqual(alone.cost);
    tf.dispose(tensorsIn([alone, andMore]));
    disposeModel(model);
  });

  it("does not count what other runs compute meanwhile", async () => {
    const model = tinyModel();
    const pixels = pictures(model, 1);
    const method = createMethod("nuwa", model.config, { average: { ratio: 0.5 } });
    const work = (tap?: Tap) => run(() => forward(model, { pixels, prompts: [PROMPT] }, method, tap));
    const alone = await measureCost(work);
    const [beside, other] = await Promise.all([measureCost(work), work()]);
    expect(beside.cost).toEqual(alone.cost);
    tf.dispose([pixels, ...tensorsIn([alone, beside, other])]);
    disposeModel(model);
  });

  it("refuses several prompts, whose padding would be counted, and leaves no tensor behind", async () => {
    const model = tinyModel();
    const pixels = pictures(model, 2);
    const before = tf.memory().numTensors;
    await expect(
      measureCost((tap) => runSync(() => forward(model, { pixels, prompts: [PROMPT, [1, 3, 5]] }, none(), tap))),
    ).rejects.toThrow(/2 prompts at once .* padding would be counted\. Measure one prompt at a time\.$/);
    expect(tf.memory().numTensors).toBe(before);
    pixels.dispose();
    disposeModel(model);
  });

  it("wants the points that it needs alone, so that measuring computes no attention output or the like", async () => {
    const model = tinyModel();
    const asked: string[] = [];
    const { result } = await measureCost((tap) => {
      asked.push(...tapNames({ vision: 3, llm: 4 }).filter((name) => wants(tap, name)));
      return pass(model, [PROMPT], tap);
    });
    expect(asked).toContain("llm.3.output");
    expect(asked.filter((name) => /attention$|scores|\.z$|mlp_output|similarity/.test(name))).toEqual([]);
    tf.dispose(tensorsIn(result));
    disposeModel(model);
  });

  it("refuses measurements inside each other, and work that is no whole pass", async () => {
    await expect(measureCost(() => measureCost(() => undefined))).rejects.toThrow(/another run is being measured/);
    await expect(measureCost(() => 1)).rejects.toThrow(/did not reach its logits/);
  });

  it("refuses a product that it cannot count", async () => {
    await expect(
      measureCost(() =>
        tf.tidy(() => tf.conv2d(tf.ones([1, 4, 4, 1]) as tf.Tensor4D, tf.ones([2, 2, 1, 1]), 1, "valid")),
      ),
    ).rejects.toThrow(/kernel Conv2D: its operations cannot be counted/);
  });

  it("puts the engine back as it was, whatever happens", async () => {
    const engine = tf.engine();
    const [kernel, own] = [engine.runKernel, Object.hasOwn(engine, "runKernel")];
    const model = tinyModel();
    const { result } = await measureCost((tap) => pass(model, [PROMPT], tap));
    const failing = measureCost(async () => {
      expect(engine.runKernel).not.toBe(kernel);
      await Promise.resolve();
      throw new Error("the work failed");
    });
    await expect(failing).rejects.toThrow("the work failed");
    expect([engine.runKernel, Object.hasOwn(engine, "runKernel")]).toEqual([kernel, own]);
    tf.dispose(tensorsIn(result));
    disposeModel(model);
  });
});
