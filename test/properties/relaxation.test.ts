import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { randomFrom, sampleWithoutReplacement } from "../../src/core/random-numbers.ts";
import { best } from "../../src/core/ranking.ts";
import { recordReadbacks, replay, run, tensorsIn } from "../../src/core/readback.ts";
import { record, replace } from "../../src/core/taps.ts";
import { alignAnchors } from "../../src/methods/nuwa/alignment.ts";
import { nuwa } from "../../src/methods/nuwa/nuwa.ts";
import { neuralSort, relaxedAnchors, spreadOf, straightThrough } from "../../src/methods/nuwa/relaxed.ts";
import type { SelectionKind } from "../../src/methods/nuwa/soft-stage1.ts";
import { VARIANTS, type Variant } from "../../src/methods/nuwa/variants.ts";
import { disposeModel } from "../../src/model/vlm.ts";
import { forward } from "../../src/pipeline/prefill.ts";
import { leaked, TESTED_BACKENDS } from "../support.ts";
import { compareSlopes, normals, randomModel } from "./differences.ts";

/** Scores no two of which are nearer than 1, in random order: a ladder with uneven rungs. */
const ladder = (count: number, seed: number) => {
  const random = randomFrom(seed);
  const places = sampleWithoutReplacement(count, count, random);
  let height = -count / 2;
  const rungs = Float32Array.from({ length: count }, () => {
    height += 1 + random();
    return height;
  });
  return Float32Array.from(places, (place) => rungs[place]);
};

/** A grid, a budget and scores without ties. */
const cases = fc
  .record({
    rows: fc.integer({ min: 1, max: 7 }),
    columns: fc.integer({ min: 1, max: 7 }),
    regionSize: fc.integer({ min: 1, max: 4 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.integer(),
  })
  .map(({ share, ...rest }) => ({ ...rest, keep: 1 + Math.floor(share * (rest.rows * rest.columns - 1)) }));

/** Any scores: ties, constants, negatives, both zeros. */
const anyScores = fc.array(fc.oneof(fc.float({ min: -50, max: 50, noNaN: true }), fc.constantFrom(0, -0, 1, -3)), {
  minLength: 1,
  maxLength: 24,
});

const matrix = (tensor: tf.Tensor) => tensor.squeeze([0]).arraySync() as number[][];

describe.each(TESTED_BACKENDS)("on %s", (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it("every rank of NeuralSort is a distribution over the items, whatever the scores, and items with equal scores share alike", () => {
    fc.assert(
      fc.property(anyScores, fc.double({ min: 0.01, max: 10, noNaN: true }), (scores, temperature) => {
        const rows = tf.tidy(() => matrix(neuralSort(tf.tensor2d([scores]), scores.length, temperature)));
        expect(rows).toHaveLength(scores.length);
        for (const row of rows) {
          expect(row.every((share) => share >= 0)).toBe(true);
          expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
          for (const [p, share] of row.entries())
            expect(Math.abs(share - row[scores.indexOf(scores[p])])).toBeLessThan(1e-3);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("rank i of NeuralSort gives an item that is d away from the score of rank i at most e^(−d/t) times the share of that item", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer(),
        fc.double({ min: 0.05, max: 3, noNaN: true }),
        (count, seed, temperature) => {
          const scores = ladder(count, seed);
          const rows = tf.tidy(() => matrix(neuralSort(tf.tensor2d([[...scores]]), count, temperature)));
          const order = best([...scores.keys()], scores, count);
          rows.forEach((row, rank) => {
            const winner = order[rank];
            for (const [item, share] of row.entries()) {
              const distance = Math.abs(scores[item] - scores[winner]);
              expect(share).toBeLessThanOrEqual(1.01 * row[winner] * Math.exp(-distance / temperature) + 1e-7);
            }
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("as the temperature falls to 0 the relaxed anchors are the hard ones, region by region and then over the grid, where no scores tie", () => {
    fc.assert(
      fc.property(cases, ({ rows, columns, regionSize, keep, seed }) => {
        const grid = { rows, columns };
        const scores = ladder(rows * columns, seed);
        const indices = alignAnchors(scores, grid, { keep, regionSize });
        // The temperature counts in standard deviations; rungs are 1 apart, so e^(−1/t) is 1e-13.
        const temperature = 1 / (30 * spreadOf(scores));
        const anchors = tf.tidy(() =>
          matrix(
            relaxedAnchors(tf.tensor2d([[...scores]]), [scores], [indices], grid, { keep, regionSize, temperature }),
          ),
        );
        anchors.forEach((row, i) => {
          row.forEach((share, patch) => {
            expect(Math.abs(share - (patch === indices[i] ? 1 : 0))).toBeLessThan(1e-5);
          });
        });
      }),
      { numRuns: 80 },
    );
  });

  it("where all scores tie, the relaxed anchors share every rank among all patches, the same for each rank, at any temperature", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0.001, max: 1, noNaN: true }), ({ rows, columns, regionSize, keep }, t) => {
        const grid = { rows, columns };
        const scores = new Float32Array(rows * columns).fill(3);
        const indices = alignAnchors(scores, grid, { keep, regionSize });
        const options = { keep, regionSize, temperature: t };
        const anchors = tf.tidy(() =>
          matrix(relaxedAnchors(tf.tensor2d([[...scores]]), [scores], [indices], grid, options)),
        );
        for (const row of anchors) {
          expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
          // All rows are the same: no patch is preferred for a rank.
          row.forEach((share, patch) => {
            expect(share).toBeCloseTo(anchors[0][patch], 5);
          });
          expect(Math.min(...row)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("the gradient of the relaxed anchors is finite for all scores and temperatures from 0.001 to 10", () => {
    fc.assert(
      fc.property(
        cases,
        fc.constantFrom("ladder", "constant", "two values", "huge", "denormal"),
        fc.constantFrom(0.001, 0.01, 0.1, 1, 10),
        ({ rows, columns, regionSize, keep, seed }, kind, temperature) => {
          const random = randomFrom(seed);
          const scores = ladder(rows * columns, seed).map((score) => {
            if (kind === "constant") return 2;
            if (kind === "two values") return random() < 0.5 ? -1 : 1;
            return kind === "huge" ? score * 1e30 : kind === "denormal" ? score * 1e-42 : score;
          });
          const grid = { rows, columns };
          const indices = alignAnchors(scores, grid, { keep, regionSize });
          const gradient = tf.tidy(() => {
            const weights = normals([1, keep, rows * columns], seed);
            const loss = (s: tf.Tensor) =>
              relaxedAnchors(s as tf.Tensor2D, [scores], [indices], grid, { keep, regionSize, temperature })
                .mul(weights)
                .sum() as tf.Scalar;
            return tf
              .grad(loss)(tf.tensor2d([[...scores]]))
              .dataSync();
          });
          expect([...gradient].filter((value) => !Number.isFinite(value))).toEqual([]);
        },
      ),
      { numRuns: 80 },
    );
  });

  it("straight-through has the value of the hard tensor to the bit and the gradient of the soft one", () => {
    const [hard, soft, upstream] = [1, 2, 3].map((seed) => normals([3, 4], seed));
    const { value, grad } = tf.tidy(() => {
      const through = tf.valueAndGrad((x) => straightThrough(hard, x.square()).mul(upstream).sum() as tf.Scalar)(soft);
      return { value: through.value.dataSync()[0], grad: through.grad.dataSync() };
    });
    expect(value).toBe(tf.tidy(() => hard.mul(upstream).sum().dataSync()[0]));
    expect(grad).toEqual(tf.tidy(() => soft.mul(2).mul(upstream).dataSync()));
    tf.dispose([hard, soft, upstream]);
  });

  describe("in a whole pass", () => {
    const budget = { stage1: 7, stage2: 3 };
    const prompts = [[5, 3, 6, 7, 8]];
    const methodOf = (variant: Variant, selection: SelectionKind, temperature = 0.4) =>
      nuwa({ ...VARIANTS[variant], budget, cutLayer: 2, selection, temperature });
    const settings = fc.record({
      seed: fc.integer({ min: 1, max: 10_000 }),
      variant: fc.constantFrom<Variant>("paper", "official"),
    });

    /** Logits of a pass under each kind of selection. */
    async function logitsOf(seed: number, methods: ReturnType<typeof methodOf>[]): Promise<Float32Array[]> {
      const model = randomModel(seed);
      const pixels = normals([1, 3, 16, 16], seed) as tf.Tensor4D;
      const all: Float32Array[] = [];
      for (const method of methods) {
        const result = await run(() => forward(model, { pixels, prompts }, method));
        all.push(result.logits.dataSync() as Float32Array);
        tf.dispose(tensorsIn(result));
      }
      pixels.dispose();
      disposeModel(model);
      return all;
    }

    it("straight-through gives the logits of the hard selection to the bit", async () => {
      await fc.assert(
        fc.asyncProperty(settings, async ({ seed, variant }) => {
          const [hard, through] = await logitsOf(seed, [
            methodOf(variant, "hard"),
            methodOf(variant, "straight-through"),
          ]);
          expect(through).toEqual(hard);
        }),
        { numRuns: 8 },
      );
    });

    /** The smallest difference of two saliences or two key norms of a picture, in standard deviations. */
    async function smallestGap(seed: number, variant: Variant): Promise<number> {
      const model = randomModel(seed);
      const pixels = normals([1, 3, 16, 16], seed) as tf.Tensor4D;
      const recorder = record(["stage1.salience", "vision.key_norms"]);
      tf.dispose(
        tensorsIn(await run(() => forward(model, { pixels, prompts }, methodOf(variant, "hard"), recorder.tap))),
      );
      const gaps = (["stage1.salience", "vision.key_norms"] as const).flatMap((name) => {
        const values = recorder.get(name).dataSync() as Float32Array;
        const sorted = values.slice().sort();
        return [...sorted.subarray(1)].map((value, i) => (value - sorted[i]) / spreadOf(values));
      });
      recorder.dispose();
      pixels.dispose();
      disposeModel(model);
      return Math.min(...gaps);
    }

    it("as the temperature falls to 0 the relaxed logits are those of the hard selection, where no scores nearly tie", async () => {
      await fc.assert(
        fc.asyncProperty(settings, async ({ seed, variant }) => {
          fc.pre((await smallestGap(seed, variant)) > 0.005);
          const [hard, warm, cold] = await logitsOf(seed, [
            methodOf(variant, "hard"),
            methodOf(variant, "relaxed", 1),
            methodOf(variant, "relaxed", 1e-4),
          ]);
          const apart = (a: Float32Array) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - hard[i]) ** 2, 0));
          expect(apart(cold)).toBeLessThan(0.01 * apart(warm));
        }),
        { numRuns: 8 },
      );
    });

    it("the gradient of a loss with respect to the salience is zero through the hard selection, and through the relaxed one it is not zero and equals finite differences", {
      timeout: 60_000,
    }, async () => {
      let [compared, kinks, clear] = [0, 0, 0];
      await fc.assert(
        fc.asyncProperty(settings, async ({ seed, variant }) => {
          const model = randomModel(seed);
          const pixels = normals([1, 3, 16, 16], seed) as tf.Tensor4D;
          const weights = normals([1, 40], seed + 1);
          const shift = tf.zeros([1, 16]);
          const pass = (selection: SelectionKind, x: tf.Tensor) =>
            forward(
              model,
              { pixels, prompts },
              methodOf(variant, selection),
              replace({ "stage1.salience": (s) => s.add(x.mul(0.25)) }),
            );
          const gradientOf = async (selection: SelectionKind) => {
            const { result, values } = await recordReadbacks(() => pass(selection, shift));
            const loss = (x: tf.Tensor) =>
              replay(() => pass(selection, x), values)
                .logits.mul(weights)
                .sum()
                .div(10) as tf.Scalar;
            const { grads } = tf.tidy(() => tf.engine().gradients(() => loss(shift), [shift], undefined, true));
            tf.dispose(tensorsIn(result));
            return { gradient: grads[0] as tf.Tensor | undefined, loss };
          };
          expect((await gradientOf("hard")).gradient).toBeUndefined();
          const { gradient, loss } = await gradientOf("relaxed");
          const through = (await gradientOf("straight-through")).gradient;
          const norms = [gradient, through].map((g) => tf.tidy(() => (g as tf.Tensor).norm().dataSync()[0]));
          for (const norm of norms) expect(norm).toBeGreaterThan(0);
          for (const direction of [1, 2]) {
            const at = (x: tf.Tensor) => tf.tidy(() => loss(x).dataSync()[0]);
            const found = compareSlopes(at, shift, gradient as tf.Tensor, seed + direction);
            compared++;
            if (Math.abs(found.autodiff) > 10 * found.noise) clear++;
            if (found.kink) kinks++;
            else
              expect(Math.abs(found.autodiff - found.differences)).toBeLessThanOrEqual(
                0.03 * Math.abs(found.differences) + found.noise,
              );
          }
          tf.dispose([pixels, weights, shift, gradient, through].flatMap((tensor) => tensor ?? []));
          disposeModel(model);
        }),
        { numRuns: 10 },
      );
      expect(kinks).toBeLessThan(compared / 3);
      expect(clear).toBeGreaterThan(compared / 2);
    });

    it("leaves no tensor behind besides what it returns", async () => {
      for (const selection of ["relaxed", "straight-through"] as const)
        expect(await leaked(() => logitsOf(1, [methodOf("paper", selection)]))).toBe(0);
    });
  });
});
