import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { configFor } from "../../src/laws/selecting.ts";
import { contextualDiversity, cropQuotas, cropsOf, cropWorth, holov } from "../../src/methods/holov.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { chosen } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("HoloV", () => {
  it("cuts the raster into 16 runs of equal length, the first ones longer where they do not divide it", () => {
    expect(cropsOf(576, 16).map((run) => run.length)).toEqual(new Array(16).fill(36));
    expect(cropsOf(576, 16)[1].slice(0, 2)).toEqual([36, 37]);
    expect(cropsOf(7, 3)).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(cropsOf(2, 16)).toEqual([[0], [1]]);
  });

  it("gives each crop its part of the tokens, rounded down, and the rest one each to those of most worth", () => {
    expect(cropQuotas([0.6, 0.3, 0.1], [9, 9, 9], 4)).toEqual([3, 1, 0]);
    expect(cropQuotas([0.21, 0.27, 0.52], [9, 9, 9], 5)).toEqual([1, 1, 3]);
    expect(cropQuotas([0.18, 0.36, 0.46], [9, 9, 9], 5)).toEqual([0, 2, 3]);
  });

  it("keeps the patches of most attention in each crop, by falling attention, and a whole crop in raster order", () => {
    const shown = { rows: 2, columns: 4, clsAttention: [1, 2, 3, 4, 0, 8, 1, 9] };
    expect(chosen(holov({ keep: 4, crops: 2 }), shown).cells).toEqual([3, 7, 5, 6]);
    expect(chosen(holov({ keep: 6, crops: 2 }), shown).cells).toEqual([3, 2, 4, 5, 6, 7]);
    expect(chosen(holov({ keep: 4, crops: 2, order: "raster" }), shown).cells).toEqual([3, 5, 6, 7]);
  });

  /** Patches in crops of four, what is paid to them, and two draws of what they look like. */
  const images = fc.record({
    attention: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 16, maxLength: 16 }),
    seeds: fc.tuple(fc.integer(), fc.integer()),
    keep: fc.integer({ min: 1, max: 16 }),
  });
  const features = (seed: number) => {
    const random = randomFrom(seed);
    return Array.from({ length: 16 }, () => Array.from({ length: 3 }, () => normal(random)));
  };

  it("looks at no features as released, but does in the paper's reading", () => {
    const sameForAll = (reading: "official" | "paper") =>
      fc.property(images, ({ attention, seeds, keep }) => {
        const [one, other] = seeds.map((seed) => {
          const shown = { rows: 4, columns: 4, clsAttention: attention, features: features(seed) };
          return chosen(holov({ keep, crops: 4, reading }), shown).cells;
        });
        expect(other).toEqual(one);
      });
    fc.assert(sameForAll("official"), { seed: 16 });
    expect(fc.check(sameForAll("paper"), { seed: 16 }).failed).toBe(true);
  });

  it("gives more to the crop of more diverse features in the paper's reading, attention being equal", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 3 }), (seed, diverse) => {
        const runs = cropsOf(16, 4);
        const drawn = features(seed);
        // In the other crops all patches are the same.
        const units = drawn.map((vector, p) => {
          const own = Math.floor(p / 4) === diverse ? vector : [1, 0, 0];
          return Float64Array.from(own, (x) => x / Math.hypot(...own));
        });
        const diversity = contextualDiversity(runs, units);
        const same = (diverse + 1) % 4;
        const mean = (crop: number) => runs[crop].reduce((sum, p) => sum + diversity[p], 0);
        fc.pre(mean(diverse) > 1.01 * mean(same));
        const worth = cropWorth(runs, new Array(16).fill(0.5), diversity);
        expect(worth.indexOf(Math.max(...worth))).toBe(diverse);
        const asReleased = cropWorth(runs, new Array(16).fill(0.5));
        expect(new Set(asReleased).size).toBe(1);
      }),
      { seed: 16 },
    );
  });

  it("measures diversity as the variance of cosines with the crop, the own one set to 0", () => {
    const units = [
      [1, 0],
      [0, 1],
      [-1, 0],
    ].map((unit) => Float64Array.from(unit));
    // 0, 0, −1 has the mean −1/3; 0, 0, 0 does not vary; 0 of a single patch.
    expect(contextualDiversity([[0, 1, 2]], units).map((value) => value.toFixed(6))).toEqual([
      "0.333333",
      "0.000000",
      "0.333333",
    ]);
    expect(contextualDiversity([[0], [1], [2]], units)).toEqual([0, 0, 0]);
    // Nothing to scale where nothing varies.
    expect(cropWorth([[0], [1], [2]], [1, 2, 3], [0, 0, 0])).toEqual([1, 2, 3]);
  });

  it("hands on what a crop cannot hold, so that k patches go on wherever attention lies", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(
        sizes.chain((each) =>
          fc.record({
            each: fc.constant(each),
            worth: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
              minLength: each.length,
              maxLength: each.length,
            }),
            keep: fc.integer({ min: 1, max: each.reduce((sum, size) => sum + size, 0) }),
          }),
        ),
        ({ each, worth, keep }) => {
          const quotas = cropQuotas(worth, each, keep);
          expect(quotas.reduce((sum, quota) => sum + quota, 0)).toBe(keep);
          quotas.forEach((quota, crop) => {
            expect(quota).toBeGreaterThanOrEqual(0);
            expect(quota).toBeLessThanOrEqual(each[crop]);
          });
        },
      ),
      { seed: 16 },
    );
    // The first crop is worth all 4 tokens and holds 2.
    expect(cropQuotas([1, 0, 0], [2, 2, 2], 4)).toEqual([2, 1, 1]);
    expect(cropQuotas([0, 0], [2, 2], 3)).toEqual([2, 1]);
  });

  it("keeps the same patches in raster order, where ids say where a patch is", () => {
    fc.assert(
      fc.property(images, ({ attention, keep }) => {
        const shown = { rows: 4, columns: 4, clsAttention: attention };
        const [byAttention, raster] = (["attention", "raster"] as const).map(
          (order) => chosen(holov({ keep, crops: 4, order }), shown).cells,
        );
        expect(raster).toEqual([...byAttention].sort((a, b) => a - b));
      }),
      { seed: 16 },
    );
  });

  it("compares projected features in the paper's reading", () => {
    const features = [
      [1, 3],
      [1, -3],
      [1, 0],
      [1, 0],
    ];
    const shown = { rows: 2, columns: 2, clsAttention: [4, 4, 4, 4], features };
    const cells = (project?: (x: tf.Tensor3D) => tf.Tensor3D) =>
      chosen(holov({ keep: 3, crops: 2, reading: "paper" }), { ...shown, project }).cells;
    // Cosines 0 and −0.8 in the first crop vary less than 0 and 1 in the second. In the first channel all are alike.
    expect(cells()).toEqual([0, 2, 3]);
    expect(cells((x) => x.mul<tf.Tensor3D>(tf.tensor1d([1, 0])))).toEqual([0, 1, 2]);
  });

  it("refuses a reading that does not exist, and attention that is no number", () => {
    const config = configFor({ rows: 4, columns: 4 });
    expect(() => createMethod("holov", config, { variant: "released" as never })).toThrow(
      'variant "released" does not exist. There are: official, paper.',
    );
    expect(() => chosen(holov({ keep: 1 }), { rows: 1, columns: 2, clsAttention: [Number.NaN, 1] })).toThrow(
      /HoloV's class attention/,
    );
  });
});
