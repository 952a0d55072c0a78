import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { costOf, paperFlops } from "../../src/measure/cost.ts";
import { exactCost, exactUnprunedCost, isCountedExactly } from "../../src/measure/exact.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { nuwa, VARIANTS } from "../../src/methods/nuwa.ts";
import { createMethod, METHOD_NAMES } from "../../src/methods/registry.ts";
import { runSync, tensorsIn } from "../../src/model/reading.ts";
import { disposeModel, type Model } from "../../src/model/weights.ts";
import { forward } from "../../src/pipeline/forward.ts";
import type { SampleLedger } from "../../src/pruning/ledger.ts";
import { normal, randomFrom } from "../../src/random.ts";
import { tinyModel } from "../support-tiny.ts";

const PROMPT = [1, 2, 3, 10, 11, 12, 13];
const BUDGET = { budget: { stage1: 7, stage2: 3 }, cutLayer: 2 };

/** A prefill, watched: multiplications and additions of every matrix product that the engine was asked for. */
function watched(model: Model, method: Method): { operations: number; cacheBytes: number; ledger: SampleLedger } {
  const random = randomFrom(1);
  const pixels = tf.tensor4d(
    Float32Array.from({ length: 3 * 256 }, () => normal(random)),
    [1, 3, 16, 16],
  );
  const engine = tf.engine();
  const original = engine.runKernel;
  let operations = 0;
  let kernels = 0;
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
    return { operations, cacheBytes, ledger };
  } finally {
    engine.runKernel = original;
  }
}

describe("the exact cost equals what the running program multiplies and adds, and what its caches hold:", () => {
  beforeAll(() => useBackend("wasm"));

  it.each<[string, Parameters<typeof tinyModel>[0]]>([
    ["grouped queries", {}],
    [
      "a head for each query, tied embeddings, heads wider than the hidden size",
      {
        text: { num_key_value_heads: 4, head_dim: 6, tie_word_embeddings: true },
      },
    ],
    ["a wide picture", { vision: { image_size: [16, 16], patch_size: 8, num_hidden_layers: 2 } }],
  ])("%s, unpruned", (_, overrides) => {
    const model = tinyModel(overrides);
    const { operations, cacheBytes, ledger } = watched(model, none());
    expect(exactCost(ledger, model.config)).toMatchObject({ flops: operations, cacheBytes, selection: 0 });
    expect(exactUnprunedCost(ledger, model.config)).toEqual(exactCost(ledger, model.config));
    disposeModel(model);
  });

  it("with the class token kept", () => {
    const model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
    const { operations, cacheBytes, ledger } = watched(model, none());
    expect(exactCost(ledger, model.config)).toMatchObject({ flops: operations, cacheBytes });
    disposeModel(model);
  });

  it.each([
    ["official", "attention"],
    ["paper", "cosine"],
    ["official", "random"],
  ] as const)("Nüwa, %s, cut by %s", (variant, stage2) => {
    const model = tinyModel();
    const { operations, cacheBytes, ledger } = watched(model, nuwa({ ...VARIANTS[variant], ...BUDGET, stage2 }));
    const cost = exactCost(ledger, model.config, stage2);
    expect(cost).toMatchObject({ flops: operations, cacheBytes });
    expect(cost.selection).toBeGreaterThan(0);
    const unpruned = watched(model, none());
    expect(exactUnprunedCost(ledger, model.config)).toMatchObject({
      flops: unpruned.operations,
      cacheBytes: unpruned.cacheBytes,
    });
    expect(cost.flops).toBeLessThan(unpruned.operations);
    disposeModel(model);
  });

  it.each(METHOD_NAMES.filter(isCountedExactly))("%s of the registry", (name) => {
    const model = tinyModel();
    const { operations, cacheBytes, ledger } = watched(
      model,
      createMethod(name, model.config, { average: { ratio: 0.5 } }),
    );
    expect(exactCost(ledger, model.config)).toMatchObject({ flops: operations, cacheBytes });
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
