import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { dot } from "../../src/core/dot.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { unitVectors } from "../../src/methods/patches.ts";
import { importantAndDiverse, vispruner, withoutDuplicates } from "../../src/methods/vispruner.ts";
import { expected } from "../support.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("VisPruner", () => {
  it("chooses what the released code chooses: 24 of 96 patches, of which 12 by attention", () => {
    const want = expected("peers", "vispruner-unit.safetensors");
    const [patches, width] = want.shape("features");
    const values = want.floats("features");
    const features = Array.from({ length: patches }, (_, p) => [...values.subarray(p * width, (p + 1) * width)]);
    const shown = { rows: 8, columns: 12, features, clsAttention: [...want.floats("attention")] };
    expect(chosen(vispruner({ keep: 24 }), shown).cells).toEqual(want.integers("indices"));
  });

  /** Cosines of which only those of some pairs are not 0. */
  const pairs = (total: number, values: readonly (readonly [number, number, number])[]) => {
    const cosines = new Float32Array(total ** 2);
    for (const [a, b, value] of values) cosines[a * total + b] = cosines[b * total + a] = value;
    return cosines;
  };

  it("drops the likest of even places, and goes on with the others in falling likeness, then the odd places", () => {
    const list = [5, 4, 3, 2, 1, 0];
    const cosines = pairs(6, [
      [5, 4, 0.2],
      [3, 0, 0.9],
      [1, 2, 0.5],
    ]);
    // Patch 3 goes for its likeness with 0.
    expect(withoutDuplicates(list, cosines, 6, 5)).toEqual([1, 5, 4, 2, 0]);
    // Two go at once, since there are no more rounds than needed.
    expect(withoutDuplicates(list, cosines, 6, 4)).toEqual([5, 4, 2, 0]);
  });

  it("drops eight in a round, and compares the rest anew", () => {
    const list = Array.from({ length: 20 }, (_, p) => p);
    // Places 0, 2, … have the likeness of their neighbour: 0 most, 18 least.
    const cosines = pairs(
      20,
      Array.from({ length: 10 }, (_, i) => [2 * i, 2 * i + 1, 1 - i / 20] as const),
    );
    const first = withoutDuplicates(list, cosines, 20, 12);
    expect(first).toEqual([16, 18, ...Array.from({ length: 10 }, (_, i) => 2 * i + 1)]);
    expect(withoutDuplicates(list, cosines, 20, 11)).toEqual(withoutDuplicates(first, cosines, 20, 11));
  });

  it("keeps half by attention, rounded down, or another share", () => {
    const attention = Float32Array.of(5, 4, 3, 2, 1, 0);
    const cosines = pairs(6, [
      [3, 4, 0.5],
      [0, 5, 0.9],
    ]);
    // Patches 0 and 1 by attention; of 2 to 5 the fourth, at an even place, is most like one at an odd place.
    expect(importantAndDiverse(attention, cosines, 5)).toEqual([0, 1, 2, 3, 5]);
    expect(importantAndDiverse(attention, cosines, 2, 1)).toEqual([0, 1]);
    expect(importantAndDiverse(attention, cosines, 6, 0)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("keeps k patches for every k, with those of most attention, where the released code needs an even rest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(), fc.integer(), (total, drawn, seed) => {
        const count = 1 + (drawn % total);
        const random = randomFrom(seed);
        const attention = Float32Array.from({ length: total }, () => random());
        const units = unitVectors(
          Float32Array.from({ length: 4 * total }, () => normal(random)),
          total,
        );
        const cosines = Float32Array.from(units.flatMap((a) => units.map((b) => dot(a, b))));
        const kept = importantAndDiverse(attention, cosines, count);
        expect(new Set(kept).size).toBe(count);
        const order = [...attention.keys()].sort((a, b) => attention[b] - attention[a]);
        expect(kept.slice(0, Math.floor(count / 2))).toEqual(order.slice(0, Math.floor(count / 2)));
      }),
      { seed: 16 },
    );
  });

  it("does not care where patches stand: reordered with their features, the same are kept", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(), fc.integer(), (total, drawn, seed) => {
        const random = randomFrom(seed);
        const attention = Float32Array.from({ length: total }, () => random());
        const units = unitVectors(
          Float32Array.from({ length: 4 * total }, () => normal(random)),
          total,
        );
        const choose = (scores: Float32Array, all: readonly Float64Array[]) =>
          importantAndDiverse(
            scores,
            Float32Array.from(all.flatMap((a) => all.map((b) => dot(a, b)))),
            1 + (drawn % total),
          );
        const turned = choose(attention.toReversed(), units.toReversed());
        expect(turned.map((p) => total - 1 - p)).toEqual(choose(attention, units));
      }),
      { seed: 16 },
    );
  });

  it("leaves the last of an odd number where it is, since it has no partner", () => {
    const cosines = new Float32Array(25).fill(1);
    expect(withoutDuplicates([0, 1, 2, 3, 4], cosines, 5, 4)).toEqual([2, 1, 3, 4]);
    expect(withoutDuplicates([0, 1, 2, 3, 4], cosines, 5, 1)).toEqual([4]);
  });

  it("refuses scores that are not numbers", () => {
    const bad = Float32Array.of(Number.NaN);
    expect(() => importantAndDiverse(bad, Float32Array.of(1), 1)).toThrow(/VisPruner's class attention/);
    expect(() => importantAndDiverse(Float32Array.of(1), bad, 1)).toThrow(/VisPruner's cosines/);
  });
});
