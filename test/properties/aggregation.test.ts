import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { largestSquaredDistance, patchCount, squaredDistance } from "../../src/core/grid.ts";
import { noTap } from "../../src/core/taps.ts";
import { grids } from "../../src/laws/generators/grids.ts";
import { aggregate, aggregationWeights } from "../../src/methods/nuwa/aggregation.ts";
import type { Normalisation } from "../../src/methods/nuwa/variants.ts";
import { type AggregationCase, aggregationCases, WIDTH } from "./generators/features.ts";
import { law } from "./law.ts";

/** Family: the weights by which collectors gather, and what comes out. */

beforeAll(async () => {
  await useBackend("wasm");
});

const cases = aggregationCases();
const NORMALISATIONS = ["sum-to-one", "self-overwritten"] as const;

/** Weights [k][N] and tokens [k][WIDTH] of one image. */
function aggregated(input: AggregationCase, normalisation: Normalisation) {
  const { grid, anchors, pillars, threshold } = input;
  const total = patchCount(grid);
  return tf.tidy(() => {
    const x = tf.tensor3d(input.features, [1, total, WIDTH]);
    const weights = aggregationWeights(
      x,
      { indices: [anchors], pillars: [pillars] },
      grid,
      threshold,
      normalisation,
      noTap,
    );
    return {
      weights: rowsOf(weights.dataSync() as Float32Array, total),
      tokens: rowsOf(aggregate(weights, x).dataSync() as Float32Array, WIDTH),
    };
  });
}

function rowsOf(values: Float32Array, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}
const sum = (row: readonly number[]) => row.reduce((total, weight) => total + weight, 0);
const featuresOf = ({ features }: AggregationCase, p: number) => features.slice(p * WIDTH, (p + 1) * WIDTH);

law("Weights are finite and not negative.", cases, (input) => {
  for (const normalisation of NORMALISATIONS)
    for (const row of aggregated(input, normalisation).weights)
      expect(row.every((weight) => Number.isFinite(weight) && weight >= 0)).toBe(true);
});
law("In the paper's reading every row sums to 1.", cases, (input) => {
  for (const row of aggregated(input, "sum-to-one").weights) expect(sum(row)).toBeCloseTo(1, 4);
});
law(
  "In the released code's reading the self weight is 1 and a row sums to 2 − 1/s, where s is its raw sum.",
  cases,
  (input) => {
    const paper = aggregated(input, "sum-to-one").weights;
    aggregated(input, "self-overwritten").weights.forEach((row, i) => {
      expect(row[input.anchors[i]]).toBe(1);
      // The paper's self weight is 1/s.
      expect(sum(row)).toBeCloseTo(2 - paper[i][input.anchors[i]], 4);
    });
  },
);
law(
  "A collector's weights are ReLU(cos)·(1 − min(1, d/τ)) over the row's sum, itself counting 1, as float64 computes them.",
  cases,
  (input) => {
    aggregated(input, "sum-to-one").weights.forEach((row, i) => {
      const p = input.anchors[i];
      const raw = row.map((_, q) => {
        if (q === p) return 1;
        return input.pillars[i]
          ? 0
          : Math.max(0, cosine(featuresOf(input, p), featuresOf(input, q))) * near(input, p, q);
      });
      const total = sum(raw);
      row.forEach((weight, q) => {
        expect(Math.abs(weight - raw[q] / total)).toBeLessThan(1e-5);
      });
    });
  },
);
law("Pillars come out as they were, to the bit, in both readings.", cases, (input) => {
  for (const normalisation of NORMALISATIONS) {
    const { tokens } = aggregated(input, normalisation);
    // Adding up zeros may turn −0 into 0, which are equal numbers.
    input.anchors.forEach((p, i) => {
      if (input.pillars[i]) expect(tokens[i].map((v) => v + 0)).toEqual(featuresOf(input, p).map((v) => v + 0));
    });
  }
});
law("Nothing is gathered from the distance threshold on.", cases, (input) => {
  for (const normalisation of NORMALISATIONS)
    aggregated(input, normalisation).weights.forEach((row, i) => {
      row.forEach((weight, q) => {
        if (near(input, input.anchors[i], q) === 0 && q !== input.anchors[i]) expect(weight).toBe(0);
      });
    });
});
law(
  "In the paper's reading tokens lie in the convex hull of their sources: no direction finds one beyond all of these.",
  fc.tuple(cases, fc.array(fc.integer({ min: -9, max: 9 }), { minLength: WIDTH, maxLength: WIDTH })),
  ([input, drawn]) => {
    const { weights, tokens } = aggregated(input, "sum-to-one");
    tokens.forEach((token, i) => {
      const sources = weights[i].flatMap((weight, q) => (weight > 0 ? [featuresOf(input, q)] : []));
      const slack = 1e-4 * Math.max(...sources.flat().map(Math.abs));
      for (const direction of [drawn, [1, 0, 0], [0, -1, 0], [0, 0, 1], [1, -1, 1]]) {
        const along = (row: readonly number[]) => row.reduce((total, value, c) => total + value * direction[c], 0);
        const length = sum(direction.map(Math.abs));
        expect(along(token)).toBeLessThanOrEqual(Math.max(...sources.map(along)) + slack * length);
      }
    });
  },
);
law(
  "The gradient of a token is exactly zero in every patch from the distance threshold on.",
  fc.tuple(aggregationCases(10), fc.nat()),
  ([input, which]) => {
    const { grid, anchors, pillars, threshold } = input;
    const nth = which % anchors.length;
    const gradient = tf.tidy(() =>
      tf
        .grad((x) => {
          const anchor = { indices: [anchors], pillars: [pillars] };
          const weights = aggregationWeights(x as tf.Tensor3D, anchor, grid, threshold, "sum-to-one", noTap);
          return aggregate(weights, x as tf.Tensor3D)
            .slice([0, nth, 0], [1, 1, WIDTH])
            .sum();
        })(tf.tensor3d(input.features, [1, patchCount(grid), WIDTH]))
        .dataSync(),
    );
    for (let q = 0; q < patchCount(grid); q++) {
      if (q === anchors[nth] || near(input, anchors[nth], q) > 0) continue;
      const own = [...gradient.subarray(q * WIDTH, (q + 1) * WIDTH)];
      expect(own.every((value) => value === 0)).toBe(true);
    }
  },
  { share: 0.5 },
);
law(
  "Permuting the feature channels permutes the tokens and leaves the weights.",
  fc.tuple(cases, fc.shuffledSubarray([0, 1, 2], { minLength: WIDTH, maxLength: WIDTH })),
  ([input, order]) => {
    const features = rowsOf(Float32Array.from(input.features), WIDTH).flatMap((row) => order.map((c) => row[c]));
    const [one, other] = [input, { ...input, features }].map((each) => aggregated(each, "sum-to-one"));
    one.weights.forEach((row, i) => {
      row.forEach((weight, q) => {
        expect(Math.abs(weight - other.weights[i][q])).toBeLessThan(1e-5);
      });
      const largest = Math.max(...one.tokens[i].map(Math.abs), ...input.features.map(Math.abs));
      order.forEach((from, to) => {
        expect(Math.abs(other.tokens[i][to] - one.tokens[i][from])).toBeLessThanOrEqual(1e-5 * largest);
      });
    });
  },
);
law(
  "Images in a batch do not see each other: each is aggregated as it is alone, to the bit.",
  fc.tuple(cases, fc.nat()),
  ([input, turn]) => {
    const { grid, anchors, pillars, threshold, features } = input;
    const total = patchCount(grid);
    const turned = rowsOf(Float32Array.from(features), WIDTH);
    const other = [...turned.slice(turn % total), ...turned.slice(0, turn % total)].flat();
    const together = tf.tidy(() => {
      const x = tf.tensor3d([...other, ...features], [2, total, WIDTH]);
      const both = { indices: [anchors, anchors], pillars: [pillars.map((pillar) => !pillar), pillars] };
      const weights = aggregationWeights(x, both, grid, threshold, "sum-to-one", noTap);
      return weights.slice([1, 0, 0], [1, -1, -1]).dataSync() as Float32Array;
    });
    expect(rowsOf(together, total)).toEqual(aggregated(input, "sum-to-one").weights);
  },
);

law(
  "No two patches are farther apart than the largest distance of the grid, and some are as far.",
  grids(12),
  (grid) => {
    const patches = Array.from({ length: patchCount(grid) }, (_, p) => p);
    const farthest = Math.max(...patches.flatMap((p) => patches.map((q) => squaredDistance(grid, p, q))));
    expect(largestSquaredDistance(grid)).toBe(farthest);
  },
);

/** 1 − min(1, d/τ), in float32, as distance and threshold meet there. */
function near({ grid, threshold }: AggregationCase, p: number, q: number): number {
  return 1 - Math.min(1, Math.fround(Math.fround(Math.sqrt(squaredDistance(grid, p, q))) / Math.fround(threshold)));
}

/** With the guard of normalizeRows, and its overflow: what is too long to square is like nothing. */
function cosine(a: readonly number[], b: readonly number[]): number {
  const length = (row: readonly number[]) => Math.sqrt(row.reduce((total, v) => total + v * v, 1e-24));
  if (length(a) > 1e19 || length(b) > 1e19) return 0;
  return a.reduce((total, v, i) => total + (v / length(a)) * (b[i] / length(b)), 0);
}
