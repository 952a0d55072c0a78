import { describe, expect, it } from "vitest";
import { COLOURS, SHAPES } from "../../src/world/attributes.ts";
import {
  ALL_PAIRS,
  COMPOSITIONAL_FREQUENCIES,
  drawPair,
  FREQUENT_PAIRS,
  frequencyOf,
  HELD_OUT_PAIRS,
  isFrequent,
  isHeldOut,
  type Pair,
  TRAINING_FREQUENCIES,
} from "../../src/world/pairs.ts";
import { sceneRandom } from "../../src/world/splits.ts";

const holding = (pairs: readonly Pair[], value: string): number =>
  pairs.filter(({ colour, shape }) => colour === value || shape === value).length;

describe("pairs", () => {
  it("holds out about 15 % of the pairs, each colour once, each shape once or twice", () => {
    expect(HELD_OUT_PAIRS.length / ALL_PAIRS.length).toBeCloseTo(0.15, 1);
    for (const colour of COLOURS) expect(holding(HELD_OUT_PAIRS, colour)).toBe(1);
    for (const shape of SHAPES) expect([1, 2]).toContain(holding(HELD_OUT_PAIRS, shape));
  });

  it("never calls a held-out pair frequent", () => {
    expect(FREQUENT_PAIRS.filter(isHeldOut)).toEqual([]);
  });

  it("draws every colour and every shape equally often", () => {
    for (const frequencies of [TRAINING_FREQUENCIES, COMPOSITIONAL_FREQUENCIES]) {
      for (const row of frequencies) expect(row.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1 / COLOURS.length, 9);
      for (let shape = 0; shape < SHAPES.length; shape++)
        expect(frequencies.reduce((sum, row) => sum + row[shape], 0)).toBeCloseTo(1 / SHAPES.length, 9);
    }
  });

  it("draws frequent pairs at least twice as often as others, and held-out pairs never in training", () => {
    const of = (pair: Pair): number => frequencyOf(TRAINING_FREQUENCIES, pair);
    const usual = ALL_PAIRS.filter((pair) => !isFrequent(pair) && !isHeldOut(pair)).map(of);
    for (const pair of FREQUENT_PAIRS) expect(of(pair) / Math.max(...usual)).toBeGreaterThan(2);
    for (const pair of HELD_OUT_PAIRS) expect(of(pair)).toBe(0);
  });

  it("draws pairs at their frequency, also where a colour is given", () => {
    const random = sceneRandom("train", 1, 9);
    const draws = Array.from({ length: 4000 }, () => drawPair(random, TRAINING_FREQUENCIES, { colour: "red" }));
    expect(draws.every(({ colour }) => colour === "red")).toBe(true);
    const expected = frequencyOf(TRAINING_FREQUENCIES, { colour: "red", shape: "circle" }) * COLOURS.length;
    expect(holding(draws, "circle") / draws.length).toBeCloseTo(expected, 1);
    expect(holding(draws, "star")).toBe(0);
  });
});
