import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { distanceThreshold } from "../../src/methods/nuwa.ts";
import {
  aggregate,
  aggregationWeights,
  type Normalisation,
  similarityFeatures,
} from "../../src/pruning/aggregation.ts";
import { squaredDistance } from "../../src/pruning/grid.ts";
import { noTap } from "../../src/tap.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

const WIDTH = 3;
/** A grid, features (also zero rows), anchors and their roles, a threshold. */
const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 1, max: 5 }) })
  .chain((grid) => {
    const total = grid.rows * grid.columns;
    const value = fc.oneof(fc.float({ min: -4, max: 4, noNaN: true }), fc.constant(0));
    return fc.record({
      grid: fc.constant(grid),
      features: fc.array(value, { minLength: total * WIDTH, maxLength: total * WIDTH }),
      anchors: fc.subarray(
        Array.from({ length: total }, (_, i) => i),
        { minLength: 1 },
      ),
      roles: fc.array(fc.boolean(), { minLength: total, maxLength: total }),
      threshold: fc.double({ min: 1, max: 8, noNaN: true }),
    });
  });
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function weightsOf(
  { grid, features, anchors, roles, threshold }: Case,
  normalisation: Normalisation,
): { rows: Float32Array[]; tokens: Float32Array } {
  const total = grid.rows * grid.columns;
  return tf.tidy(() => {
    const x = tf.tensor3d(features, [1, total, WIDTH]);
    const selected = { indices: [anchors], pillars: [roles.slice(0, anchors.length)] };
    const weights = aggregationWeights(x, selected, grid, threshold, normalisation, noTap);
    const values = weights.dataSync() as Float32Array;
    return {
      rows: anchors.map((_, i) => values.slice(i * total, (i + 1) * total)),
      tokens: aggregate(weights, x).dataSync() as Float32Array,
    };
  });
}
const sum = (row: Float32Array) => row.reduce((total, weight) => total + weight, 0);

describe("aggregation", () => {
  it("has weights that are not negative, and rows that sum as each reading says", () => {
    fc.assert(
      fc.property(cases, (input) => {
        const [paper, official] = [weightsOf(input, "sum-to-one").rows, weightsOf(input, "self-overwritten").rows];
        paper.forEach((row, i) => {
          expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
          expect(sum(row)).toBeCloseTo(1, 5);
          // The raw sum s follows from the paper's self weight, which is 1/s.
          const raw = 1 / row[input.anchors[i]];
          expect(sum(official[i])).toBeCloseTo(2 - 1 / raw, 4);
          expect(official[i][input.anchors[i]]).toBe(1);
        });
      }),
    );
  });

  it("leaves pillars unchanged to the bit", () => {
    fc.assert(
      fc.property(cases, (input) => {
        for (const normalisation of ["sum-to-one", "self-overwritten"] as const) {
          const { tokens } = weightsOf(input, normalisation);
          input.anchors.forEach((patch, i) => {
            if (!input.roles[i]) return;
            const token = [...tokens.subarray(i * WIDTH, (i + 1) * WIDTH)];
            // Adding up zeros may turn −0 into 0, which are equal numbers.
            expect(token.map((v) => v + 0)).toEqual(
              input.features.slice(patch * WIDTH, (patch + 1) * WIDTH).map((v) => Math.fround(v) + 0),
            );
          });
        }
      }),
    );
  });

  it("gives nothing to what lies beyond the distance threshold", () => {
    fc.assert(
      fc.property(cases, (input) => {
        weightsOf(input, "sum-to-one").rows.forEach((row, i) => {
          row.forEach((weight, patch) => {
            if (Math.sqrt(squaredDistance(input.grid, input.anchors[i], patch)) >= input.threshold)
              expect(weight).toBe(0);
          });
        });
      }),
    );
  });

  it("mixes, in the paper's reading, within the range of its sources, channel by channel", () => {
    fc.assert(
      fc.property(cases, (input) => {
        const { tokens } = weightsOf(input, "sum-to-one");
        for (let channel = 0; channel < WIDTH; channel++) {
          const values = input.features.filter((_, i) => i % WIDTH === channel);
          for (let i = 0; i < input.anchors.length; i++) {
            expect(tokens[i * WIDTH + channel]).toBeGreaterThanOrEqual(Math.min(...values) - 1e-5);
            expect(tokens[i * WIDTH + channel]).toBeLessThanOrEqual(Math.max(...values) + 1e-5);
          }
        }
      }),
    );
  });

  it("computes A·P by hand on two patches side by side", () => {
    const features = [1, 0, 0, 1, 1, 0];
    const input = { grid: { rows: 1, columns: 2 }, features, anchors: [0], roles: [false], threshold: 2 };
    const raw = Math.SQRT1_2 * (1 - 1 / 2);
    const [paper] = weightsOf(input, "sum-to-one").rows;
    expect(paper[0]).toBeCloseTo(1 / (1 + raw), 6);
    expect(paper[1]).toBeCloseTo(raw / (1 + raw), 6);
    const [official] = weightsOf(input, "self-overwritten").rows;
    expect(official[0]).toBe(1);
    expect(official[1]).toBeCloseTo(raw / (1 + raw), 6);
  });

  it("measures likeness on the last third of the tower, both ends included", () => {
    const mean = (layers: number) =>
      tf.tidy(() => {
        const states = Array.from({ length: layers + 1 }, (_, i) => tf.fill([1, 3, 1], i) as tf.Tensor3D);
        return similarityFeatures(states).dataSync()[0];
      });
    expect(mean(24)).toBe(20); // 16..24
    expect(mean(6)).toBe(5); // 4..6
    expect(mean(5)).toBe(4); // 3..5
  });

  it("has the paper's threshold on the paper's grid, and a usable one on a single row", () => {
    expect(distanceThreshold({ rows: 24, columns: 24 })).toBeCloseTo(Math.sqrt(280), 12);
    expect(distanceThreshold({ rows: 1, columns: 1 })).toBe(1);
  });
});
