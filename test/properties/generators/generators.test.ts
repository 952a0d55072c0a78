import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { patchCount } from "../../../src/core/grid.ts";
import { draw } from "../../../src/laws/draw.ts";
import { grids, MAX_SIDE } from "../../../src/laws/generators/grids.ts";
import { LARGEST, notFinite, ranks, SCORE_KINDS, SMALLEST, scoresOf } from "../../../src/laws/generators/scores.ts";
import { feasibleSets, type SelectionCase, selectionCases } from "../../../src/laws/generators/selections.ts";
import { patchesPerRegion } from "../../../src/methods/nuwa/alignment.ts";
import { regionsOf } from "../../../src/methods/nuwa/separation.ts";
import { aggregationCases, ROW_KINDS, rowOf } from "./features.ts";
import { sequences } from "./sequences.ts";

const SEED = { seed: 2602, numRuns: 2000 };
const share = <T>(drawn: readonly T[], holds: (each: T) => boolean) => drawn.filter(holds).length / drawn.length;

describe("the generator of grids", () => {
  const drawn = fc.sample(grids(), SEED);

  it("draws every shape: single rows and columns, 1×1, the longest sides, wide, high and square ones", () => {
    expect(share(drawn, ({ rows }) => rows === 1)).toBeGreaterThan(0.05);
    expect(share(drawn, ({ columns }) => columns === 1)).toBeGreaterThan(0.05);
    expect(share(drawn, ({ rows, columns }) => rows === 1 && columns === 1)).toBeGreaterThan(0.002);
    expect(share(drawn, ({ rows, columns }) => Math.max(rows, columns) === MAX_SIDE)).toBeGreaterThan(0.005);
    expect(share(drawn, ({ rows, columns }) => rows > columns)).toBeGreaterThan(0.3);
    expect(share(drawn, ({ rows, columns }) => rows < columns)).toBeGreaterThan(0.3);
    expect(share(drawn, ({ rows, columns }) => rows === columns)).toBeGreaterThan(0.05);
  });

  it("stays between 1×1 and 40×40", () => {
    for (const { rows, columns } of drawn)
      expect(Math.min(rows, columns) >= 1 && Math.max(rows, columns) <= MAX_SIDE).toBe(true);
  });
});

describe("the generator of scores", () => {
  const drawn = fc.sample(selectionCases({ max: 10 }), SEED);

  it.each(SCORE_KINDS)("draws the kind %s in about one of nine cases", (kind) => {
    expect(Math.abs(share(drawn, (input) => input.kind === kind) - 1 / SCORE_KINDS.length)).toBeLessThan(0.03);
  });

  it("means what the kinds say", () => {
    const of = (kind: SelectionCase["kind"]) => fc.sample(scoresOf(kind, 40), { ...SEED, numRuns: 100 });
    for (const list of of("ties")) expect(new Set(list).size).toBeLessThan(5);
    for (const list of of("constant")) expect(new Set(list).size).toBe(1);
    for (const list of of("distinct")) expect([...list].sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
    for (const list of of("negative")) expect(Math.max(...list)).toBeLessThan(0);
    for (const list of of("zeros")) expect(list.every((score) => score === 0)).toBe(true);
    expect(of("zeros").every((list) => list.some((score) => Object.is(score, -0)))).toBe(true);
    expect(of("huge").some((list) => list.includes(LARGEST) && list.includes(-LARGEST))).toBe(true);
    for (const list of of("denormal")) expect(list.every((score) => Math.abs(score) <= 1000 * SMALLEST)).toBe(true);
    for (const list of of("attention")) expect(list.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });

  it("draws finite float32 numbers only", () => {
    for (const { scores } of drawn)
      expect(scores.every((score) => Number.isFinite(score) && Math.fround(score) === score)).toBe(true);
  });

  it("draws each of NaN, ∞ and −∞ for the refusals", () => {
    const bad = fc.sample(notFinite, { ...SEED, numRuns: 300 });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(share(bad, (each) => Object.is(each, value))).toBeGreaterThan(0.2);
  });

  it("ranks equal values in the order of their places", () => {
    expect(ranks([5, 1, 5, -2])).toEqual([2, 1, 3, 0]);
  });
});

describe("the generator of budgets and regions", () => {
  const drawn = fc.sample(selectionCases(), SEED);
  const regions = ({ grid, regionSize }: SelectionCase) => regionsOf(grid, regionSize).length;

  it("draws grids that the region size does not divide, regions larger than the grid, and regions of one patch", () => {
    const divides = ({ grid, regionSize }: SelectionCase) =>
      grid.rows % regionSize === 0 && grid.columns % regionSize === 0;
    expect(share(drawn, (input) => !divides(input))).toBeGreaterThan(0.4);
    expect(share(drawn, divides)).toBeGreaterThan(0.1);
    expect(share(drawn, (input) => regions(input) === 1)).toBeGreaterThan(0.05);
    expect(share(drawn, ({ regionSize }) => regionSize === 1)).toBeGreaterThan(0.05);
  });

  it("draws budgets of one, of all, of one anchor a region, and just beside that", () => {
    expect(share(drawn, ({ keep }) => keep === 1)).toBeGreaterThan(0.05);
    expect(share(drawn, ({ keep, scores }) => keep === scores.length)).toBeGreaterThan(0.05);
    for (const offset of [-1, 0, 1])
      expect(share(drawn, (input) => input.keep === regions(input) + offset)).toBeGreaterThan(0.03);
    expect(share(drawn, (input) => input.keep < regions(input))).toBeGreaterThan(0.15);
    expect(share(drawn, (input) => input.keep > 2 * regions(input))).toBeGreaterThan(0.15);
  });

  it("draws sets that keep the limits of stage 1", () => {
    for (const { grid, regionSize, keep, anchors } of fc.sample(feasibleSets(), { ...SEED, numRuns: 300 })) {
      const all = regionsOf(grid, regionSize);
      expect(new Set(anchors).size).toBe(keep);
      for (const region of all)
        expect(region.filter((p) => anchors.includes(p)).length).toBeLessThanOrEqual(patchesPerRegion(all, keep));
    }
  });
});

describe("the generators of features and prompts", () => {
  it("draw every kind of row at its rate", () => {
    const rows = fc
      .sample(aggregationCases(6), { ...SEED, numRuns: 500 })
      .flatMap(({ grid, features }) =>
        Array.from({ length: patchCount(grid) }, (_, p) => features.slice(3 * p, 3 * p + 3)),
      );
    const largest = (row: number[]) => Math.max(...row.map(Math.abs));
    const shared = String(rowOf("equal", [0, 0, 0]));
    expect(share(rows, (row) => largest(row) === 0)).toBeGreaterThan(0.8 / ROW_KINDS.length);
    expect(share(rows, (row) => String(row) === shared)).toBeGreaterThan(0.8 / ROW_KINDS.length);
    expect(share(rows, (row) => largest(row) > 1e18)).toBeGreaterThan(0.8 / ROW_KINDS.length);
    expect(share(rows, (row) => largest(row) > 0 && largest(row) < 1e-15)).toBeGreaterThan(0.8 / ROW_KINDS.length);
  });

  it("draw batches of one and of several, with and without padding", () => {
    const drawn = fc.sample(sequences, SEED);
    const padding = ({ sequence }: (typeof drawn)[number]) => sequence.flat().includes(null);
    expect(share(drawn, ({ sequence }) => sequence.length === 1)).toBeGreaterThan(0.1);
    expect(share(drawn, padding)).toBeGreaterThan(0.3);
    expect(share(drawn, (each) => !padding(each))).toBeGreaterThan(0.1);
  });
});

describe("shrinking", () => {
  const smallest = (holds: (input: SelectionCase) => boolean) => {
    const details = fc.check(fc.property(selectionCases(), holds), { seed: 1, numRuns: 500 });
    return draw(details.counterexample?.[0]);
  };

  it("ends at the smallest grid that shows the fault, with scores one can read", () => {
    expect(smallest(({ grid }) => grid.rows < 2 || grid.columns < 3)).toContain(
      "2×3 patches, regions of 1×1\n 0 | 0 | 0 \n---+---+---\n 0 | 0 | 0 \n",
    );
    expect(smallest(({ scores }) => !scores.some((score) => score < 0))).toMatch(
      /^1×1 patches, regions of 1×1\n -\S+ \n/,
    );
    expect(smallest(({ keep, regionSize }) => keep < 3 || regionSize < 2)).toMatch(/regions of 2×2\n.*keep: 3\n/s);
  });

  it("draws wide grids with one character a patch, and prompts by letters", () => {
    const anchors = [0, 14, 29];
    expect(draw({ grid: { rows: 2, columns: 15 }, regionSize: 5, anchors })).toBe(
      "2×15 patches, regions of 5×5\n#····|·····|····#\n·····|·····|····#\nregionSize: 5\nanchors: [0,14,29]",
    );
    const [{ sequence }] = fc.sample(sequences, { ...SEED, numRuns: 1 });
    expect(draw({ sequence })).toMatch(/^t*V+t+·*(\nt*V+t+·*)*$/);
  });
});
