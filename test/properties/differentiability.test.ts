import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { recordReadbacks, replay, tensorsIn } from "../../src/core/readback.ts";
import { replace } from "../../src/core/taps.ts";
import { solveBudget } from "../../src/methods/nuwa/budget.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import type { SelectionKind } from "../../src/methods/nuwa/soft-stage1.ts";
import { VARIANTS, type Variant } from "../../src/methods/nuwa/variants.ts";
import { createModel } from "../../src/model/llava/llava.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { gradients } from "../../src/pipeline/gradients.ts";
import { type ForwardResult, forward } from "../../src/pipeline/prefill.ts";
import { drawsOn, TESTED_BACKENDS } from "../support.ts";
import { compareSlopes, normals, randomModel } from "./differences.ts";
import { SETTINGS } from "./settings.ts";

const PROJECTOR = "multi_modal_projector.linear_1.weight";
const PROMPT = [5, 3, 6, 7, 8];

/** One point at which gradients are compared. */
interface Point {
  readonly seed: number;
  readonly variant: Variant;
  readonly distanceFraction: number;
  readonly similaritySharpness: number;
  readonly keyNormExponent: number;
  readonly pillarQuantile: number;
  readonly temperature: number;
}

// Constants lie off the kinks of their own: with 4×4 patches τ² = 18·fraction meets no sum of two squares
// at these fractions, and q·(k−1) with k = 7 no integer at these quantiles.
const points: fc.Arbitrary<Point> = fc.record({
  seed: fc.integer({ min: 1, max: 10_000 }),
  variant: fc.constantFrom<Variant>("paper", "official"),
  distanceFraction: fc.constantFrom(0.17, 0.36, 0.6, 0.84),
  similaritySharpness: fc.double({ min: 0.5, max: 3, noNaN: true }),
  keyNormExponent: fc.double({ min: 0, max: 1, noNaN: true }),
  pillarQuantile: fc.constantFrom(0.25, 0.42, 0.55, 0.75),
  temperature: fc.double({ min: 0.2, max: 1, noNaN: true }),
});

/** Slopes of a loss of a whole pass with respect to each kind of input. */
async function slopesAt(point: Point, selection: SelectionKind) {
  const model = randomModel(point.seed);
  const budget = solveBudget({ tokens: 4 }, 16, 4, 2);
  const pixels = normals([1, 3, 16, 16], point.seed + 1) as tf.Tensor4D;
  const shift = tf.zeros([1, 16, 16]);
  const scalars = [point.distanceFraction, point.similaritySharpness, point.keyNormExponent, point.pillarQuantile].map(
    (value) => tf.scalar(value),
  );
  const projector = model.tensors.get(PROJECTOR) as tf.Tensor;
  const inputs = { pixels, projector, features: shift, ...named(scalars) };
  const weights = normals([1, 40], point.seed + 2);

  const methodOf = (all: Inputs) =>
    nuwa({ ...VARIANTS[point.variant], ...all, budget, cutLayer: 2, selection, temperature: point.temperature });
  const pass = (all: Inputs) =>
    forward(
      createModel(model.config, new Map([...model.tensors, [PROJECTOR, all.projector]])),
      { pixels: all.pixels as tf.Tensor4D, prompts: [PROMPT] },
      methodOf(all),
      replace({ "vision.features": (x) => x.add(all.features) }),
    );
  const { result, values } = await recordReadbacks(() => pass(inputs));
  const size = tf.tidy(() => result.logits.norm().dataSync()[0]);
  const loss = ({ logits }: ForwardResult) => tf.tidy(() => logits.mul(weights).sum().div(size) as tf.Scalar);
  // Through the hard selection neither the mixture nor the quantile reaches the loss: they only choose.
  const names = NAMES.filter(
    (name) => selection === "relaxed" || !["keyNormExponent", "pillarQuantile"].includes(name),
  );
  const { value, gradients: found } = await gradients(
    model,
    { pixels, prompts: [PROMPT] },
    methodOf(inputs),
    loss,
    names.map((name) => inputs[name]),
    replace({ "vision.features": (x) => x.add(shift) }),
  );
  const slopes = names.flatMap((name, i) =>
    (inputs[name].size > 1 ? [1, 2] : [1]).map((direction) => ({
      name,
      ...compareSlopes(
        (x) => tf.tidy(() => loss(replay(() => pass({ ...inputs, [name]: x }), values)).dataSync()[0]),
        inputs[name],
        found[i],
        point.seed + direction,
      ),
    })),
  );
  tf.dispose([value, ...found, ...tensorsIn(result), pixels, shift, weights, ...scalars]);
  disposeModel(model);
  return slopes;
}

const NAMES = [
  "pixels",
  "projector",
  "features",
  "distanceFraction",
  "similaritySharpness",
  "keyNormExponent",
  "pillarQuantile",
] as const;
type Inputs = Readonly<Record<(typeof NAMES)[number], tf.Tensor>> & {
  readonly distanceFraction: tf.Scalar;
  readonly similaritySharpness: tf.Scalar;
  readonly keyNormExponent: tf.Scalar;
  readonly pillarQuantile: tf.Scalar;
};

function named([distanceFraction, similaritySharpness, keyNormExponent, pillarQuantile]: tf.Scalar[]) {
  return { distanceFraction, similaritySharpness, keyNormExponent, pillarQuantile };
}

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it.each(["hard", "relaxed"] as const)(
    "autodiff of a loss equals finite differences for pixels, projector, features and every constant of stage 1 (%s selection, held fixed)",
    { timeout: 120_000 * SETTINGS.factor },
    async (selection) => {
      let [compared, kinks, clear] = [0, 0, 0];
      await fc.assert(
        fc.asyncProperty(points, async (point) => {
          for (const { name, autodiff, differences, noise, kink } of await slopesAt(point, selection)) {
            compared++;
            if (Math.abs(autodiff) > 10 * noise) clear++;
            if (kink) kinks++;
            else
              expect(
                Math.abs(autodiff - differences),
                `${name}: ${autodiff} against ${differences}`,
              ).toBeLessThanOrEqual(0.05 * Math.abs(differences) + noise);
          }
        }),
        { seed: SETTINGS.seed, numRuns: drawsOn(backend, 8 * SETTINGS.factor), endOnFailure: true },
      );
      // Were most cases left out, or their slopes lost in rounding, the property would say nothing.
      expect(kinks).toBeLessThan(compared / 5);
      expect(clear).toBeGreaterThan(compared / 2);
    },
  );
});
