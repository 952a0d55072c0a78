import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { best } from "../../src/core/ranking.ts";
import { ivcprune } from "../../src/methods/ivcprune.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { rotaryAngles } from "../../src/model/transformer/rope.ts";
import { positionIds } from "../../src/model/transformer/sequence.ts";
import { configOf } from "../support-methods.ts";
import { cutOf, paidBy, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Random vectors, the same for the same seed. */
function vectors(seed: number, count: number, width: number): number[][] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, () => normal(random)));
}

const HEAD = { headDim: 16, ropeTheta: 10000, ropeSections: [8] };

/** A cut on tokens with values; positions turn as in a model with heads of 16. */
function cut(options: Parameters<typeof ivcprune>[0], before: number, values: readonly number[][], after: number) {
  const visual = values.length - before - after;
  const sequence = sequenceOf(before, visual, after);
  return cutOf(ivcprune(options), options.layer, {
    sequence,
    tokens: values.map(() => [1]),
    attention: paidBy(
      0,
      values.map(() => 1),
    ),
    before: { values },
    rotation: rotaryAngles(positionIds(sequence, 1), HEAD),
  }).keep;
}

/** Rows of A, in plain loops. */
function nearness(values: readonly (readonly number[])[], rows: readonly number[]): number[] {
  const mean = new Array<number>(values.length).fill(0);
  for (const row of rows) {
    const logits = values.map((value) =>
      value.reduce((sum, x, i) => sum + (x * values[row][i]) / Math.sqrt(value.length), 0),
    );
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    logits.forEach((logit, i) => {
      mean[i] += Math.exp(logit) / total / rows.length;
    });
  }
  return mean;
}

describe("IVC-Prune", () => {
  it("keeps what the text and the seeds are nearest to, and the tokens with the largest mean cosine and sine", () => {
    const cases = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      before: fc.integer({ min: 0, max: 40 }),
      visual: fc.integer({ min: 10, max: 60 }),
      after: fc.integer({ min: 3, max: 8 }),
    });
    const shares = { seedShare: 0.1, foregroundShare: 0.2, coordinateShare: 0.1 };
    fc.assert(
      fc.property(cases, ({ seed, before, visual, after }) => {
        const values = vectors(seed, before + visual + after, 4);
        const places = Array.from({ length: visual }, (_, p) => before + p);
        const text = Array.from({ length: after - 2 }, (_, i) => before + visual + 2 + i);
        const seeds = best(places, nearness(values, text), Math.round(0.1 * visual));
        const foreground = best(places, nearness(values, [...text, ...seeds]), Math.round(0.2 * visual));
        const angles = places.map((id) => Array.from({ length: 8 }, (_, i) => id * 10000 ** (-i / 8)));
        const meanOf = (turn: (angle: number) => number) => {
          const all: number[] = [];
          places.forEach((place, p) => {
            all[place] = angles[p].reduce((sum, angle) => sum + turn(angle), 0);
          });
          return best(places, all, Math.round(0.1 * visual));
        };
        const wanted = new Set([...foreground, ...meanOf(Math.cos), ...meanOf(Math.sin)]);
        const kept = cut({ layer: 1, ...shares }, before, values, after);
        expect(kept).toEqual([...wanted].sort((a, b) => a - b).map((place) => place - before));
      }),
      { numRuns: 40 },
    );
  });

  it("keeps coordinates in the top three rows where 35 tokens stand before 24×24 patches and heads are 128 wide", () => {
    const sequence = sequenceOf(35, 576, 4);
    const rotation = rotaryAngles(positionIds(sequence, 1), { headDim: 128, ropeTheta: 10000, ropeSections: [64] });
    const values = vectors(1, 615, 2);
    const attention = paidBy(
      0,
      values.map(() => 1),
    );
    const seen = { sequence, tokens: values, attention, before: { values } };
    // With one foreground token; the sine of all is the same, so that the first 29 stay for it.
    const cosines = { cos: rotation.cos, sin: rotation.cos.zerosLike() };
    const method = ivcprune({ layer: 1, foregroundShare: 0 });
    const kept = cutOf(method, 1, { ...seen, rotation: cosines }).keep;
    const [foreground] = kept.filter((cell) => cell > 66);
    expect(kept.filter((cell) => cell !== foreground).every((cell) => cell <= 66)).toBe(true);
    expect(kept.filter((cell) => cell > 28).length).toBeGreaterThan(3);
  });

  it("keeps coordinates that other values do not change", () => {
    const options = { layer: 1, seedShare: 0, foregroundShare: 0, coordinateShare: 0.2 };
    const coordinates = [1, 2, 3].map((seed) => cut(options, 7, vectors(seed, 57, 3), 10));
    const common = coordinates[0].filter((cell) => coordinates[1].includes(cell) && coordinates[2].includes(cell));
    // All but the one token of the foreground.
    for (const kept of coordinates) expect(kept.filter((cell) => !common.includes(cell)).length).toBeLessThanOrEqual(1);
    expect(common.length).toBeGreaterThanOrEqual(8);
  });

  it("passes over the end of a template, but not over all of a short text, and needs some", () => {
    const options = { layer: 1, seedShare: 0, foregroundShare: 0.1, coordinateShare: 0 };
    const flat = Array.from({ length: 10 }, (_, p) => (p === 6 ? [0, 3] : p === 2 ? [3, 0] : [0, 0]));
    // Two tokens of a template that are near to patch 2, then a word that is near to patch 6.
    expect(cut(options, 0, [...flat, [1, 0], [1, 0], [0, 1]], 3)).toEqual([6]);
    expect(cut(options, 0, [...flat, [1, 0], [1, 0]], 2)).toEqual([2]);
    expect(() => cut(options, 0, flat, 0)).toThrow(/no text follows the image/);
  });

  it("keeps 115 by values and 29 each by cosine and sine of 576 at most, and one of a single patch", () => {
    const kept = cut({ layer: 16 }, 35, vectors(5, 35 + 576 + 20, 4), 20);
    expect(kept.length).toBeGreaterThan(115);
    expect(kept.length).toBeLessThanOrEqual(115 + 2 * 29);
    expect(cut({ layer: 16 }, 1, vectors(5, 5, 4), 3)).toEqual([0]);
  });

  it("cuts at half of the depth, prunes earlier caches, too, and has no budget", () => {
    const made = (layers: number) => createMethod("ivcprune", configOf(24, layers));
    expect([2, 5, 32].map((layers) => [...made(layers).cuts.keys()])).toEqual([[1], [2], [16]]);
    expect(made(32)).toMatchObject({ positions: "original", idsAfterCut: "anew", cachesBeforeCuts: "pruned" });
    expect(() => createMethod("ivcprune", configOf(24, 32), { average: { tokens: 64 } })).toThrow(
      /method ivcprune has no budget/,
    );
    expect(() => ivcprune({ layer: 0 })).toThrow(/no layer before it/);
  });
});
