import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { divprune, farthestPoints } from "../../src/methods/divprune.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("DivPrune", () => {
  it("starts at the loneliest point and goes on with the farthest from all that are chosen", () => {
    const line = [0, 1, 2, 6, 10];
    const distances = Float32Array.from(line.flatMap((a) => line.map((b) => Math.abs(a - b))));
    // The nearest neighbours are 1, 1, 1, 4 and 4 away: of the two loneliest the lower index.
    expect(farthestPoints(distances, 5, 5)).toEqual([3, 0, 4, 2, 1]);
  });

  it("chooses no token twice, even when all are the same", () => {
    expect(farthestPoints(new Float32Array(16), 4, 4).sort()).toEqual([0, 1, 2, 3]);
    const same = { rows: 2, columns: 3, features: Array.from({ length: 6 }, () => [1, 2]) };
    expect(chosen(divprune({ keep: 4 }), same).cells).toHaveLength(4);
  });

  it("compares directions of the projected tokens, not lengths, and gives raster order", () => {
    const features = [
      [1, 0],
      [5, 0],
      [0, 2],
      [-3, 0],
    ];
    // Patches 0 and 1 point the same way, so one of them is enough.
    expect(chosen(divprune({ keep: 3 }), { rows: 2, columns: 2, features }).cells).toEqual([0, 2, 3]);
  });

  it("refuses distances that are not numbers, and takes a single patch", () => {
    expect(() => farthestPoints(new Float32Array([Number.NaN]), 1, 1)).toThrow(/DivPrune's distances/);
    expect(farthestPoints(new Float32Array(1), 1, 1)).toEqual([0]);
  });

  it("compares tokens behind the projector, not before it", () => {
    const features = [
      [1, 5],
      [1, -5],
      [-1, 0],
      [-1, 9],
    ];
    // The projector sees the first channel alone, in which there are two pairs of equal patches.
    const project = (x: tf.Tensor3D) => x.mul<tf.Tensor3D>(tf.tensor1d([1, 0]));
    expect(chosen(divprune({ keep: 2 }), { rows: 2, columns: 2, features, project }).cells).toEqual([0, 2]);
  });
});
