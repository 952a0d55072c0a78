import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Attribution, type AttributionOptions, attribute } from "../../src/analysis/attribution.ts";
import { useBackend } from "../../src/backend/select.ts";
import { recordReadbacks, replay, run, tensorsIn } from "../../src/core/readback.ts";
import { record, replace } from "../../src/core/taps.ts";
import { tinyModel } from "../../src/laws/tiny.ts";
import type { Method } from "../../src/methods/method.ts";
import { none } from "../../src/methods/none.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { VARIANTS } from "../../src/methods/nuwa/variants.ts";
import { createMethod, createPruning } from "../../src/methods/registry.ts";
import { disposeModel, type ImageInputs, type Vlm } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardInputs, type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { batchOf } from "../../src/pipeline/processor.ts";
import { compareSlopes, normals, randomModel } from "../properties/differences.ts";
import { drawsOn, leaked, relativeError, TESTED_BACKENDS } from "../support.ts";
import { IMAGE, preparedNoise, tinyFamily } from "../support-families.ts";

const budget = { stage1: 7, stage2: 3 };
const METHODS: Readonly<Record<string, Method>> = {
  none: none(),
  paper: nuwa({ ...VARIANTS.paper, budget, cutLayer: 2 }),
  official: nuwa({ ...VARIANTS.official, budget, cutLayer: 2 }),
  relaxed: nuwa({ ...VARIANTS.paper, budget, cutLayer: 2, selection: "relaxed", temperature: 0.5 }),
};
const prompts = [[5, 3, 6, 7, 8]];
const sum = (values: Float32Array) => values.reduce((all, one) => all + one, 0);

/** Attribution of a random tiny model. */
async function attributed(seed: number, method: Method, options: AttributionOptions): Promise<Attribution> {
  const model = randomModel(seed);
  const pixels = normals([1, 3, 16, 16], seed + 1) as tf.Tensor4D;
  try {
    return await attribute(model, { pixels, prompts }, method, options);
  } finally {
    pixels.dispose();
    disposeModel(model);
  }
}

describe.each(TESTED_BACKENDS)("attribution on %s", (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it("is complete: what tokens add sums to the change of the logit from the baseline, the better the more steps", {
    timeout: 60_000,
  }, async () => {
    const [coarse, fine]: number[][] = [[], []];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom(...Object.keys(METHODS)),
        fc.nat(39),
        async (seed, name, token) => {
          const found = await attributed(seed, METHODS[name], { token, steps: 32 });
          const change = found.logit - found.baselineLogit;
          expect(sum(found.tokens) - change).toBeCloseTo(found.residual, 5);
          expect(Math.abs(found.residual)).toBeLessThan(0.01 * Math.max(1, Math.abs(change)));
          coarse.push(Math.abs((await attributed(seed, METHODS[name], { token, steps: 2 })).residual));
          fine.push(Math.abs(found.residual));
        },
      ),
      { numRuns: drawsOn(backend, 5) },
    );
    const mean = (values: number[]) => values.reduce((all, one) => all + one, 0) / values.length;
    expect(mean(fine)).toBeLessThan(0.1 * mean(coarse));
  });

  it("passes what a token adds on to patches without loss: through the weights they sum to the token", async () => {
    for (const [name, method] of Object.entries(METHODS)) {
      const { tokens, contributions, patches } = await attributed(3, method, { token: 11, steps: 4 });
      expect(relativeError(contributions.map(sum), tokens), name).toBeLessThan(1e-4);
      expect(Math.abs(sum(patches) - sum(tokens)), name).toBeLessThan(1e-4);
      patches.forEach((patch, j) => {
        expect(patch, name).toBeCloseTo(sum(Float32Array.from(contributions, (row) => row[j])), 4);
      });
    }
  });

  it("of the unpruned model gives each patch what its own token adds", async () => {
    const { tokens, patches } = await attributed(3, METHODS.none, { token: 11, steps: 4 });
    expect(relativeError(patches, tokens)).toBeLessThan(1e-4);
  });

  it("gives patches beyond every anchor's reach nothing", async () => {
    const near = nuwa({ ...VARIANTS.paper, budget: { stage1: 2, stage2: 1 }, cutLayer: 2, distanceFraction: 1 / 18 });
    const { patches } = await attributed(3, near, { token: 11, steps: 2 });
    // τ = 1: only the two anchors themselves are within reach.
    expect(patches.filter((value) => value !== 0)).toHaveLength(2);
  });

  it("gives the gradient of the logit for each projected token, as finite differences do", async () => {
    const token = 11;
    const model = randomModel(3);
    const pixels = normals([1, 3, 16, 16], 4) as tf.Tensor4D;
    const { tokenGradients } = await attribute(model, { pixels, prompts }, METHODS.paper, { token, steps: 1 });
    const shift = tf.zeros([1, 7, 16]);
    const pass = (x: tf.Tensor) =>
      forward(model, { pixels, prompts }, METHODS.paper, replace({ "projector.output": (z) => z.add(x) }));
    const { result, values } = await recordReadbacks(() => pass(shift));
    const at = (x: tf.Tensor) => tf.tidy(() => replay(() => pass(x), values).logits.dataSync()[token]);
    const gradient = tf.tensor3d([tokenGradients.map((row) => [...row])]);
    for (const seed of [1, 2, 3]) {
      const { autodiff, differences, noise } = compareSlopes(at, shift, gradient, seed);
      expect(Math.abs(autodiff - differences)).toBeLessThan(0.03 * Math.abs(differences) + noise);
    }
    // Tokens that stage 2 drops still speak through the layers before it.
    expect(tokenGradients.every((row) => row.some((value) => value !== 0))).toBe(true);
    tf.dispose([pixels, shift, gradient, ...tensorsIn(result)]);
    disposeModel(model);
  });

  it("is nothing where the image is its own baseline, and leaves no tensor behind", async () => {
    const model = randomModel(3);
    const pixels = normals([1, 3, 16, 16], 4) as tf.Tensor4D;
    const recorder = record(["vision.features"]);
    tf.dispose(tensorsIn(await run(() => forward(model, { pixels, prompts }, METHODS.paper, recorder.tap))));
    const baseline = recorder.get("vision.features") as tf.Tensor3D;
    const lost = await leaked(async () => {
      const found = await attribute(model, { pixels, prompts }, METHODS.paper, { token: 1, steps: 2, baseline });
      expect(found.patches.every((patch) => patch === 0)).toBe(true);
      expect(found.logit).toBeCloseTo(found.baselineLogit, 5);
    });
    expect(lost).toBe(0);
    pixels.dispose();
    recorder.dispose();
    disposeModel(model);
  });

  it("refuses what it cannot explain in one line", async () => {
    await expect(attributed(1, METHODS.none, { token: 40 })).rejects.toThrow("token 40 is not in the vocabulary of 40");
    await expect(attributed(1, METHODS.none, { token: 0, steps: 0 })).rejects.toThrow("steps is 0");
    const baseline = tf.zeros([1, 2, 16]) as tf.Tensor3D;
    await expect(attributed(1, METHODS.none, { token: 0, baseline })).rejects.toThrow("baseline has shape [1,2,16]");
    baseline.dispose();
    const model = randomModel(1);
    await expect(attribute(model, { prompts: [[1]] }, METHODS.none, { token: 0 })).rejects.toThrow(
      "one prompt with one image",
    );
    disposeModel(model);
  });
});

it.each(["tome", "visionzip"])(
  "attribution refuses the tokens of %s, which are not mixtures of patches alone",
  async (name) => {
    await useBackend("wasm");
    const model = randomModel(1);
    const method = createMethod(name, model.config, { average: { ratio: 0.5 } });
    disposeModel(model);
    expect(
      await leaked(() =>
        expect(attributed(1, method, { token: 3, steps: 2 })).rejects.toThrow(/are not mixtures of the patches/),
      ),
    ).toBe(0);
  },
);

it.each(["sparsevlm", "prumerge", "divprune"])("attribution of %s is complete", async (name) => {
  await useBackend("wasm");
  const model = randomModel(1);
  const method = createMethod(name, model.config, { average: { ratio: 0.5 } });
  disposeModel(model);
  const found = await attributed(1, method, { token: 3, steps: 32 });
  const change = found.logit - found.baselineLogit;
  expect(Math.abs(found.residual)).toBeLessThan(0.02 * Math.max(0.1, Math.abs(change)));
});

it("has no place on the map for a class token that goes on as a visual token", async () => {
  await useBackend("wasm");
  const model = tinyModel({ top: { vision_feature_select_strategy: "full" } });
  const pixels = normals([1, 3, 16, 16], 2) as tf.Tensor4D;
  const { patches, grids } = await attribute(model, { pixels, prompts }, none(), { token: 11, steps: 2 });
  expect(grids).toHaveLength(1);
  expect([grids[0].grid.rows * grids[0].grid.columns, grids[0].patches]).toEqual([
    patches.length - 1,
    patches.slice(1),
  ]);
  pixels.dispose();
  disposeModel(model);
});

describe.each([
  ["llava_next", [40, 20], 2],
  ["qwen2_5_vl", [40, 24], 1],
] as const)("attribution on %s", (family, size, grids) => {
  let model: Vlm;
  let inputs: ForwardInputs & ImageInputs;
  beforeAll(async () => {
    await useBackend("wasm");
    const { model: made, preprocessing } = tinyFamily(family);
    model = made;
    inputs = { ...batchOf(preparedNoise(preprocessing, [size])), prompts: [[1, IMAGE, 7, 9]] };
  });
  afterAll(() => {
    inputs.pixels.dispose();
    disposeModel(model);
  });

  it.each(["none", "nuwa"])(
    "is complete, and gives a map for each grid that its tokens add up to (%s)",
    async (name) => {
      const pruning = createPruning(name, model.config, name === "none" ? {} : { average: { ratio: 0.5 } });
      let found: Attribution | undefined;
      expect(
        await leaked(async () => {
          found = await attribute(model, inputs, pruning, { token: 11, steps: 16 });
        }),
      ).toBe(0);
      const { logit, baselineLogit, tokens, contributions, patches, grids: maps, ...rest } = found as Attribution;
      expect(Math.abs(rest.residual)).toBeLessThan(0.02 * Math.max(0.1, Math.abs(logit - baselineLogit)));
      expect(relativeError(contributions.map(sum), tokens)).toBeLessThan(1e-3);
      expect(maps).toHaveLength(grids);
      for (const { grid, patches: own } of maps) expect(own).toHaveLength(grid.rows * grid.columns);
      expect(maps.flatMap((map) => [...map.patches])).toEqual([...patches]);
      expect(maps.every((map) => map.patches.some((value) => value !== 0))).toBe(true);
      expect(Math.abs(sum(patches) - sum(tokens))).toBeLessThan(1e-4);
      expect(rest.tokenGradients).toHaveLength(tokens.length);
      expect(rest.tokenGradients.every((row) => row.length === model.config.text.hiddenSize)).toBe(true);
    },
  );

  it("gives each token the slope where it stands in the sequence, whatever stands between them", async () => {
    const pruning = createPruning("none", model.config, {});
    const { tokenGradients } = await attribute(model, inputs, pruning, { token: 11, steps: 1 });
    const recorder = record(["llm.embeddings"]);
    tf.dispose(tensorsIn(await run(() => forward(model, inputs, pruning, recorder.tap))));
    const [{ value: embedded, visit }] = recorder.all("llm.embeddings");
    const logit = ({ logits }: ForwardResult) => logits.flatten().slice([11], [1]).squeeze<tf.Scalar>();
    const put = replace({ "llm.embeddings": () => embedded });
    const { value, gradients: slopes } = await gradients(model, inputs, pruning, logit, [embedded], put);
    const [rows] = slopes[0].arraySync() as number[][][];
    const visual = (visit.sequence?.[0] ?? []).flatMap((slot, at) => (slot?.kind === "visual" ? [rows[at]] : []));
    expect(tokenGradients).toHaveLength(visual.length);
    expect(
      relativeError(
        tokenGradients.flatMap((row) => [...row]),
        visual.flat(),
      ),
    ).toBeLessThan(1e-4);
    tf.dispose([value, ...slopes]);
    recorder.dispose();
  });
});
