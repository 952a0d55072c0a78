import { describe, expect, it } from "vitest";
import type { PruningSize } from "../../../src/methods/method.ts";
import { definition } from "../../../src/methods/nuwa/definition.ts";
import { readingFor, switchesFor } from "../../../src/methods/nuwa/readings.ts";
import { VARIANTS } from "../../../src/methods/nuwa/variants.ts";

/*
 * The budgets of the other families, as numbers: LLaVA-NeXT's and Qwen2.5-VL's rules are float64 formulas with tables
 * for the published averages, and a rounding error is a token.
 */

const size = (more: Partial<PruningSize>): PruningSize => ({
  family: "llava_next",
  layers: 32,
  visionBlocks: 24,
  featureBlocks: 23,
  capabilities: [],
  grids: [
    { rows: 24, columns: 24 },
    { rows: 48, columns: 48 },
  ],
  tiles: [1, 4],
  total: 2880,
  ...more,
});

describe("the budget of Nüwa on LLaVA-NeXT", () => {
  const budget = (tokens: number, more: Partial<PruningSize> = {}) =>
    readingFor({ family: "llava_next" }).budget({ tokens }, size(more), 16);

  it.each([
    [160, 290, 29, 2],
    [320, 582, 58, 3],
    [640, 1162, 116, 3],
    // The rule: ⌊32·161/17.6 + ½⌋; the border of two candidates a region is 160.
    [161, 293, 29, 3],
    [159, 289, 28, 2],
    // ⌊32·5/17.6 + ½⌋, one for each of the five tiles: a tenth of 5 is none, but one stays.
    [5, 9, 1, 2],
  ])("for an average of %i is k = %i, k₂ = %i, n from %i", (average, stage1, stage2, leastPerRegion) => {
    expect(budget(average)).toEqual({ stage1, stage2, leastPerRegion });
  });

  it("counts in k₂ what is kept after sharing out and rounding", () => {
    // Two tiles beside the base: ⌊290/3⌋ = 96 for each, 288 in all.
    const narrow = {
      grids: [
        { rows: 24, columns: 24 },
        { rows: 24, columns: 40 },
      ],
      tiles: [1, 2],
      total: 1536,
    }; // prettier-ignore
    expect(budget(160, narrow).stage2).toBe(28);
  });

  it("keeps everything at an average of all tokens", () => {
    expect(budget(2880)).toEqual({ stage1: 2880, stage2: 2880 });
  });
});

describe("the budget of Nüwa on Qwen2.5-VL", () => {
  const budget = (ratio: number, total: number) =>
    readingFor({ family: "qwen2_5_vl" }).budget({ ratio }, size({ total }), 14);

  it.each([
    [1 / 4, 1280, 448, 188, 3],
    [1 / 2, 1280, 768, 506, 3],
    [3 / 4, 1280, 1088, 761, 4],
    // By the rule, δ = r/2 below 0.2.
    [1 / 10, 1280, 193, 64, 3],
    [2 / 5, 12, 6, 3, 3],
    // δ = 0.05, and a third of two is none, but one stays.
    [1 / 10, 10, 2, 1, 3],
    [0.51, 100, 61, 41, 4],
    // δ = 1 − r above 0.9: k is everything, and k₂ a part of r − δ.
    [0.95, 101, 101, 90, 4],
    [1, 100, 100, 100, 4],
  ])("for a ratio of %f of %i is k = %i, k₂ = %i, n from %i", (ratio, total, stage1, stage2, leastPerRegion) => {
    expect(budget(ratio, total)).toEqual({ stage1, stage2, leastPerRegion });
  });

  it("follows the rule to the token at every size, and a number of tokens as its ratio", () => {
    for (const ratio of [1 / 3, 2 / 3, 1 / 9, 2 / 9, 2 / 5, 0.6, 0.9])
      for (let total = 10; total <= 2048; total++) {
        if (ratio * total < 1) continue;
        const delta = Math.min(0.1, ratio / 2, 1 - ratio);
        const stage1 = Math.ceil(total * (ratio + delta));
        const stage2 = Math.max(1, Math.trunc(stage1 * ((ratio - delta) / (ratio + delta))));
        expect([budget(ratio, total).stage1, budget(ratio, total).stage2]).toEqual([Math.min(total, stage1), stage2]);
      }
    const tokens = readingFor({ family: "qwen2_5_vl" }).budget({ tokens: 320 }, size({ total: 1280 }), 14);
    expect(tokens).toEqual(budget(1 / 4, 1280));
  });
});

it("refuses the released code's cut on a Qwen2.5-VL of two layers, which has no layer behind it, and says what to do", () => {
  const shallow = size({ family: "qwen2_5_vl", layers: 2, grids: [{ rows: 4, columns: 4 }], tiles: [1], total: 16 });
  const made = (variant: "official" | "paper") => () =>
    definition.create({ average: { ratio: 0.5 }, variant }, shallow);
  expect(made("official")).toThrow(
    "nuwa (official) cuts before decoder layer 2 in models of the family qwen2_5_vl, but this one has layers 0 to 1. " +
      "Use the variant paper, which cuts before layer 1.",
  );
  expect([...made("paper")().cuts.keys()]).toEqual([1]);
});

describe("what the released scripts do otherwise", () => {
  it.each([
    ["llava", {}],
    ["llava_next", { pillarQuantile: 0.5, distanceGrid: "first" }],
    [
      "qwen2_5_vl",
      {
        pillarQuantile: 0.1,
        normalisation: "sum-to-one",
        distanceGrid: "even",
        distanceFraction: 0.64,
        similarStates: "full-attention",
        stage2Rows: "last-three",
        cutBehind: 1,
      },
    ],
  ])("on %s is this", (family, other) => {
    expect(switchesFor("official", { family })).toEqual({ ...VARIANTS.official, ...other });
  });
});

it("a family that is not known is read as LLaVA-1.5 is", () => {
  const shape = { grids: [{ rows: 24, columns: 24 }], tiles: [1], total: 576 };
  for (const family of ["llava", "another"])
    expect(readingFor({ family }).budget({ tokens: 64 }, size({ family, ...shape }), 16)).toEqual({
      stage1: 112,
      stage2: 16,
    });
});
