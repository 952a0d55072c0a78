import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { noTap } from "../../../src/core/taps.ts";
import { aggregationWeights, distanceThreshold, similarityFeatures } from "../../../src/methods/nuwa/aggregation.ts";
import type { Normalisation } from "../../../src/methods/nuwa/variants.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Examples; what holds for every input is stated in test/properties/aggregation.test.ts. */
describe("aggregation", () => {
  it("computes A·P by hand on two patches side by side", () => {
    const rowUnder = (normalisation: Normalisation) =>
      tf.tidy(() => {
        const features = tf.tensor3d([1, 0, 0, 1, 1, 0], [1, 2, 3]);
        const anchors = { indices: [[0]], pillars: [[false]] };
        return aggregationWeights(features, anchors, { rows: 1, columns: 2 }, 2, normalisation, noTap).dataSync();
      });
    const raw = Math.SQRT1_2 * (1 - 1 / 2);
    const paper = rowUnder("sum-to-one");
    expect(paper[0]).toBeCloseTo(1 / (1 + raw), 6);
    expect(paper[1]).toBeCloseTo(raw / (1 + raw), 6);
    const official = rowUnder("self-overwritten");
    expect(official[0]).toBe(1);
    expect(official[1]).toBeCloseTo(raw / (1 + raw), 6);
  });

  it("measures likeness on the last third of the tower, both ends included", () => {
    const mean = (layers: number) =>
      tf.tidy(() => {
        const meanState = (first: number, last: number) => tf.fill([1, 3, 1], (first + last) / 2) as tf.Tensor3D;
        return similarityFeatures({ blocks: layers, fullAttentionBlocks: [], meanState }, "last-third").dataSync()[0];
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
