import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { costOf, paperFlops } from "../../src/analysis/cost.ts";
import { exactCost, exactUnprunedCost } from "../../src/analysis/exact.ts";
import { useBackend } from "../../src/backend/select.ts";
import { normal, randomFrom } from "../../src/core/random.ts";
import { runSync, tensorsIn } from "../../src/core/readback.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { nuwa, STAGE2_SCORES, VARIANTS } from "../../src/methods/nuwa/nuwa.ts";
import { SELECTIONS } from "../../src/methods/nuwa/relaxed.ts";
import { prumerge } from "../../src/methods/prumerge.ts";
import { createMethod, METHOD_NAMES } from "../../src/methods/registry.ts";
import { sparsevlm } from "../../src/methods/sparsevlm/sparsevlm.ts";
import { tome } from "../../src/methods/tome.ts";
import { visionzip } from "../../src/methods/visionzip.ts";
import { disposeModel, type Model } from "../../src/model/llava/weights.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { tinyModel } from "../support-tiny.ts";

const PROMPT = [1, 2, 3, 10, 11, 12, 13];
const BUDGET = { budget: { stage1: 7, stage2: 3 }, cutLayer: 2 };

/** Multiplications and additions of the dot products that selections make outside the tensors. */
const dots = vi.hoisted(() => ({ operations: 0 }));
vi.mock("../../src/core/dot.ts", async (original) => {
  const { dot } = await original<typeof import("../../src/core/dot.ts")>();
  return {
    dot(a: ArrayLike<number>, b: ArrayLike<number>) {
      dots.operations += 2 * a.length;
      return dot(a, b);
    },
  };
});

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

function pictures({ config }: Model, images: number): tf.Tensor4D {
  const random = randomFrom(1);
  const [height, width] = config.vision.imageSize;
  const values = Float32Array.from({ length: images * 3 * height * width }, () => normal(random));
  return tf.tensor4d(values, [images, 3, height, width]);
}

/** A prefill, watched: multiplications and additions of every product that the engine or a selection was asked for. */
function watched(model: Model, method: Method): { operations: number; cacheBytes: number; ledger: SampleLedger } {
  const pixels = pictures(model, 1);
  const engine = tf.engine();
  const original = engine.runKernel;
  let operations = 0;
  let kernels = 0;
  dots.operations = 0;
  engine.runKernel = function (this: typeof engine, name, inputs, attributes) {
    const outputs = original.call(this, name, inputs, attributes);
    if (/MatMul|Conv|Einsum/.test(name)) {
      expect(name).toBe("BatchMatMul");
      const a = inputs.a as tf.Tensor;
      const inner = a.shape[a.rank - ((attributes as { transposeA?: boolean }).transposeA ? 2 : 1)];
      operations += 2 * (outputs as tf.Tensor).size * inner;
      kernels++;
    }
    return outputs;
  } as typeof original;
  try {
    const result = runSync(() => forward(model, { pixels, prompts: [PROMPT] }, method));
    expect(kernels).toBeGreaterThan(20);
    const cacheBytes = result.state.layers.reduce(
      (sum, { cache }) => sum + 4 * (cache.keys.size + cache.values.size),
      0,
    );
    const ledger = result.ledgers[0] as SampleLedger;
    tf.dispose([pixels, ...tensorsIn(result)]);
    return { operations: operations + dots.operations, cacheBytes, ledger };
  } finally {
    engine.runKernel = original;
  }
}

/** Demands equality to the digit, of the pruned run and of the unpruned one that its ledger speaks of. */
function expectExact(model: Model, method: Method): ReturnType<typeof exactCost> {
  const { operations, cacheBytes, ledger } = watched(model, method);
  const cost = exactCost(ledger, model.config);
  expect(cost).toMatchObject({ flops: operations, cacheBytes });
  const unpruned = watched(model, none());
  expect(exactUnprunedCost(ledger, model.config)).toMatchObject({
    flops: unpruned.operations,
    cacheBytes: unpruned.cacheBytes,
    selection: 0,
  });
  expect(JSON.parse(JSON.stringify(ledger.selection))).toEqual(ledger.selection);
  return cost;
}

describe("the exact cost equals what the running program multiplies and adds, and what its caches hold:", () => {
  beforeAll(() => useBackend("wasm"));

  describe.each(MODELS)("%s,", (_, overrides) => {
    it.each(METHOD_NAMES)("%s as it is by default and at three averages", (name) => {
      const model = tinyModel(overrides);
      for (const average of [undefined, { ratio: 0.5 }, { tokens: 5 }, { tokens: 8 }]) {
        const { selection } = expectExact(model, createMethod(name, model.config, { average }));
        if (["none", "random", "fastv"].includes(name)) expect(selection).toBe(0);
        else expect(selection).toBeGreaterThan(0);
      }
      disposeModel(model);
    });

    const readings = (["official", "paper"] as const).flatMap((variant) =>
      STAGE2_SCORES.flatMap((stage2) => SELECTIONS.map((selection) => [variant, stage2, selection] as const)),
    );
    it.each(readings)("Nüwa, %s, cut by %s, selection %s", (variant, stage2, selection) => {
      const model = tinyModel(overrides);
      for (const cosineSpace of ["hidden", "embeddings"] as const) {
        const method = nuwa({ ...VARIANTS[variant], ...BUDGET, stage2, selection, cosineSpace });
        expect(expectExact(model, method).selection).toBeGreaterThan(0);
      }
      expectExact(model, nuwa({ ...VARIANTS[variant], ...BUDGET, stage2, selection, regionSize: 3 }));
      disposeModel(model);
    });

    it.each(["v1.5", "rank"] as const)("SparseVLM, %s", (version) => {
      const model = tinyModel(overrides);
      const stages = [
        { layer: 1, keep: 9 },
        { layer: 3, keep: 4 },
      ];
      expectExact(model, sparsevlm({ stages, version }));
      expectExact(model, sparsevlm({ stages, version, noise: 1 }));
      disposeModel(model);
    });
  });

  it.each(["none", "fastv", "sparsevlm", "pyramiddrop", "tome"])("%s with the class token kept", (name) => {
    const model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
    expectExact(model, createMethod(name, model.config, { average: { ratio: 0.5 } }));
    disposeModel(model);
  });

  it("parameters at their ends: nothing kept but one, all kept, nothing merged, no neighbours", () => {
    const model = tinyModel();
    const whole = { budget: { stage1: 16, stage2: 16 }, cutLayer: 1 };
    expect(expectExact(model, nuwa({ ...VARIANTS.official, ...whole })).selection).toBe(0);
    expectExact(model, nuwa({ ...VARIANTS.paper, budget: { stage1: 1, stage2: 1 }, cutLayer: 1 }));
    expectExact(model, prumerge({ keep: 1, neighbours: 0 }));
    expectExact(model, prumerge({ neighbours: 3 }));
    expectExact(model, visionzip({ dominant: 17, contextual: 0 }));
    expectExact(model, visionzip({ dominant: 1, contextual: 16 }));
    expectExact(model, sparsevlm({ stages: [{ layer: 1, keep: 16 }] }));
    expect(expectExact(model, tome({ merged: [] })).selection).toBe(0);
    expectExact(model, tome({ merged: [3, 0, 40] }));
    disposeModel(model);
  });

  const BATCHED: readonly (readonly [string, (model: Model) => Method])[] = [
    ...METHOD_NAMES.map((name) => {
      const request = name === "prumerge" ? {} : { average: { ratio: 0.5 } };
      return [name, ({ config }: Model) => createMethod(name, config, request)] as const;
    }),
    ["Nüwa by cosine", () => nuwa({ ...VARIANTS.paper, ...BUDGET })],
    ["SparseVLM by rank", () => sparsevlm({ stages: [{ layer: 1, keep: 9 }], version: "rank" })],
  ];
  it.each(BATCHED)("%s in a batch: what each prompt costs alone, without padding", (_, create) => {
    const model = tinyModel();
    const method = create(model);
    const prompts = [PROMPT, [1, 3, 14, 6], [1, 5, 3, 2, 7, 8, 9, 20, 21, 22]];
    const pixels = pictures(model, 3);
    const batch = runSync(() => forward(model, { pixels, prompts }, method));
    const costs = batch.ledgers.map((ledger) => exactCost(ledger as SampleLedger, model.config));
    prompts.forEach((prompt, i) => {
      const one = pixels.slice([i, 0, 0, 0], [1, -1, -1, -1]);
      const alone = runSync(() => forward(model, { pixels: one, prompts: [prompt] }, method));
      expect(costs[i]).toEqual(exactCost(alone.ledgers[0] as SampleLedger, model.config));
      tf.dispose([one, ...tensorsIn(alone)]);
    });
    tf.dispose([pixels, ...tensorsIn(batch)]);
    disposeModel(model);
  });

  it("the paper's formula differs from it by the third matrix of the MLP, when text and grouping are left out", () => {
    const model = tinyModel({ text: { num_key_value_heads: 4 } });
    const { ledger } = watched(model, nuwa({ ...VARIANTS.official, ...BUDGET }));
    const { hiddenSize, intermediateSize } = model.config.text;
    const withoutText = exactCost({ ...ledger, textTokens: 0 }, model.config);
    const perLayer = [7, 7, 3, 3];
    const third = perLayer.reduce((sum, tokens) => sum + 2 * tokens * hiddenSize * intermediateSize, 0);
    expect(costOf(ledger, model.config.text).flops).toBe(paperFlops(perLayer, hiddenSize, intermediateSize));
    expect(withoutText.decoder).toBe(paperFlops(perLayer, hiddenSize, intermediateSize) + third);
    disposeModel(model);
  });
});
