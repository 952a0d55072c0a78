import { describe, expect, it } from "vitest";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { densityPeaks, matrixRank } from "../../../src/methods/sparsevlm/clustering.ts";

const points = (values: readonly number[]) => values.map((value) => Float32Array.of(value));

describe("density peaks", () => {
  it("find clusters that are far apart", () => {
    const clusters = densityPeaks(points([0, 10.1, 0.1, 10, 0.2]), 2);
    expect(clusters.map((members) => members.toString()).sort()).toEqual(["0,2,4", "1,3"]);
  });

  it("hold every point exactly once, each centre its own", () => {
    const all = densityPeaks(points([3, 3, 3, 3]), 3);
    expect(all).toHaveLength(3);
    expect(all.flat().sort()).toEqual([0, 1, 2, 3]);
    for (const members of all) expect(members.length).toBeGreaterThan(0);
    expect(densityPeaks(points([1]), 1)).toEqual([[0]]);
    expect(densityPeaks([], 0)).toEqual([]);
  });

  it("choose centres by distance times density, not by distance alone", () => {
    // 0 and 2 are densest. 1 is as far from both as they from anything, √26 / 2, but less dense: no centre.
    const clusters = densityPeaks(
      [
        [4, 3, 3, 3],
        [2, 0, 0, 1],
        [4, 2, 3, 4],
        [1, 0, 1, 2],
      ].map((p) => Float32Array.from(p)),
      2,
    );
    expect(clusters).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("divide distances by the root of the width, so that densities do not fall with it", () => {
    // Densities of patches 1, 3 and 5 are 0.78, 0.61 and 0.51; undivided, 0.19 of patch 6 would beat 0.07 of patch 5.
    const members = [
      [1, 2, 2, 0],
      [0, 2, 1, 0],
      [1, 0, 2, 1],
      [0, 0, 2, 0],
      [2, 0, 0, 0],
      [0, 0, 0, 0],
      [0, 2, 0, 0],
    ].map((p) => Float32Array.from(p));
    expect(densityPeaks(members, 3)).toEqual([
      [0, 1, 6],
      [2, 3],
      [4, 5],
    ]);
  });

  it("come in the same order with noise, whose size is far below a difference of 1e-4 in density", () => {
    // Densities exp(−0.101² / 2) and exp(−0.1² / 2), 1e-4 apart. The cluster of the denser pair comes first.
    const pairs = points([0, 0.101, 10, 10.1]);
    for (let seed = 0; seed < 20; seed++)
      expect(densityPeaks(pairs, 2, randomFrom(seed)), `seed ${seed}`).toEqual([
        [2, 3],
        [0, 1],
      ]);
  });

  it("break ties by index without noise, and with seeded noise the same way for the same seed", () => {
    const equal = points(new Array<number>(30).fill(0).map((_, i) => i % 2));
    const noisy = (seed: number) => JSON.stringify(densityPeaks(equal, 4, randomFrom(seed)));
    expect(densityPeaks(equal, 4)).toEqual(densityPeaks(equal, 4));
    expect(noisy(3)).toBe(noisy(3));
    expect(new Set([1, 2, 3, 4, 5].map(noisy)).size).toBeGreaterThan(1);
  });
});

describe("the rank of a matrix", () => {
  const rank = (...rows: number[][]) => matrixRank(rows.map((row) => Float32Array.from(row)));

  it("counts directions, not rows", () => {
    expect(rank([1, 2, 3], [2, 4, 6])).toBe(1);
    expect(rank([1, 2, 3], [2, 4, 7])).toBe(2);
    expect(rank([1, 0, 0], [0, 1, 0], [1, 1, 0])).toBe(2);
    expect(rank([0, 0], [0, 0])).toBe(0);
    expect(matrixRank([])).toBe(0);
  });

  it("takes what lies below the resolution of float32 for nothing", () => {
    expect(rank([1, 0], [0, 1e-8])).toBe(1);
    expect(rank([1, 0], [0, 1e-5])).toBe(2);
  });
});
