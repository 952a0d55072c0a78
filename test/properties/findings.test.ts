import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { coverageBounds } from "../../src/analysis/bounds.ts";
import { coverageOf } from "../../src/analysis/coverage.ts";
import { useBackend } from "../../src/backend/select.ts";
import { patchCount } from "../../src/core/grid.ts";
import { drawGrid } from "../../src/laws/draw.ts";
import { type SelectionCase, selectionCases } from "../../src/laws/generators/selections.ts";
import { keptBy } from "../../src/laws/selecting.ts";
import * as laws from "../../src/laws/selection.ts";
import { feather } from "../../src/methods/feather.ts";
import { selectorOf } from "./method-selectors.ts";
import { globalTopK, nuwaStage1, type Selector } from "./selectors.ts";
import { DEFAULT_SEED } from "./settings.ts";

/**
 * Findings: where other selections break what stage 1 of Nüwa guarantees, and where the paper's own budget
 * breaks what the paper hopes for. Each is fixed data, as fast-check shrank it, and a test that fast-check
 * still finds one. docs/invariants.md shows the same pictures.
 */

const [visionzip, fastv, scope, holov, vispruner] = ["visionzip", "fastv", "scope", "holov", "vispruner"].map(
  selectorOf,
);

beforeAll(async () => {
  await useBackend("wasm");
});

/** A grid of scores, row by row, and what is asked of it. */
function caseOf(rows: readonly (readonly number[])[], regionSize: number, keep: number): SelectionCase {
  const grid = { rows: rows.length, columns: rows[0].length };
  return { grid, regionSize, keep, scores: rows.flat(), kind: "ties", pick: 0 };
}

function measure(select: Selector, { grid, scores, keep, regionSize }: SelectionCase) {
  const anchors = select(scores, grid, { keep, regionSize });
  return {
    picture: `\n${drawGrid(grid, { scores, anchors, regionSize })}`,
    coverage: coverageOf(anchors, grid, regionSize),
    bounds: coverageBounds(grid, { keep, regionSize }),
  };
}

/** That fast-check finds a case that breaks the law, and shrinks it to at most so many patches. */
function expectBroken(
  cases: fc.Arbitrary<SelectionCase>,
  holds: (input: SelectionCase) => void,
  patches: number,
): void {
  const details = fc.check(fc.property(cases, holds), { seed: DEFAULT_SEED, numRuns: 1000 });
  expect(details.failed).toBe(true);
  expect((details.counterexample as [SelectionCase])[0].scores.length).toBeLessThanOrEqual(patches);
}

describe("finding 1: global top-k crowds into one region", () => {
  it("covers one of two regions where Nüwa always covers both", () => {
    const input = caseOf([[1, 1, 0]], 2, 2);
    const { picture, coverage, bounds } = measure(globalTopK, input);
    expect(picture).toBe(`
[1] [1]| 0 `);
    expect([coverage.coveredRegions, bounds.coveredRegions.value]).toEqual([1, 2]);
    expect(measure(nuwaStage1, input).coverage.coveredRegions).toBe(2);
  });

  it("is found by fast-check, on 6 patches at most", () => {
    expectBroken(selectionCases({ max: 16 }), laws.coversTheRegionsPromised(globalTopK), 6);
  });
});

describe("finding 2: VisionZip leaves a patch farther away than Nüwa can", () => {
  it("also with a contextual patch, which falls into the first corner here", () => {
    const input = caseOf(
      [
        [0, 1, 2],
        [11, 3, 4],
        [5, 6, 7],
        [8, 9, 10],
      ],
      2,
      4,
    );
    const { picture, coverage, bounds } = measure(visionzip, input);
    expect(picture).toBe(`
 [0]   1 |  2 
[11]   3 |  4 
---------+----
  5    6 |  7 
  8   [9]|[10]`);
    expect([coverage.radius, bounds.radius.value]).toEqual([2, Math.SQRT2]);
  });

  it("is found by fast-check, on 12 patches at most", () => {
    expectBroken(selectionCases({ max: 16 }), laws.staysWithinTheRadius(visionzip), 12);
  });
});

describe("finding 3: FastV leaves more rows empty than Nüwa can", () => {
  it("empties two rows in a row of three where Nüwa empties one", () => {
    const input = caseOf(
      [
        [0, 0],
        [0, 0],
        [1, 1],
      ],
      1,
      2,
    );
    const wide = { ...input, regionSize: 2 };
    const { picture, coverage, bounds } = measure(fastv, wide);
    expect(picture).toBe(`
 0   0 
 0   0 
-------
[1] [1]`);
    expect([coverage.rowGap, bounds.rowGap.value]).toEqual([2, 1]);
  });

  it("is found by fast-check, on 9 patches at most", () => {
    expectBroken(selectionCases({ max: 16 }), laws.staysWithinTheGaps(fastv), 9);
  });
});

describe("finding 8: FEATHER leaves patches that its own grid would have kept near", () => {
  const both = (gridStays: boolean): Selector => {
    return (scores, grid) => keptBy(feather({ grids: [grid], layers: [1, 2], gridStays }), scores, grid);
  };

  it("at its second cut, which keeps one end of a row and drops the other", () => {
    const input = caseOf([[1, 0, 0, 0]], 4, 1);
    const { picture, coverage } = measure(both(false), input);
    expect(picture).toBe(`
[1]  0   0   0 `);
    expect(coverage.radius).toBe(3);
    expect(measure(both(true), input).coverage.radius).toBe(1);
  });

  it("is found by fast-check, on 4 patches at most; never where the grid stays", () => {
    const near = (select: Selector) => (input: SelectionCase) => {
      expect(measure(select, input).coverage.radius).toBeLessThanOrEqual(2 * Math.SQRT2);
    };
    expectBroken(selectionCases({ max: 16 }), near(both(false)), 4);
    fc.assert(fc.property(selectionCases({ max: 16 }), near(both(true))), { seed: DEFAULT_SEED, numRuns: 200 });
  });
});

describe("finding 4: the paper's own budgets leave a corner of the image empty", () => {
  const grid = { rows: 24, columns: 24 };
  it.each([
    [112, 112, 170, 6],
    [224, 112, 169, 6],
    [336, 112, 153, 6],
  ] as const)(
    "k = %i covers only %i of 144 regions at worst, covering radius √%i, %i rows empty",
    (keep, regions, square, rows) => {
      const options = { keep, regionSize: 2 };
      const bounds = coverageBounds(grid, options);
      const worst = coverageOf(nuwaStage1(bounds.radius.witness, grid, options), grid, 2);
      expect(worst.radius).toBe(Math.sqrt(square));
      expect(bounds.radius.value).toBe(Math.sqrt(square));
      expect(bounds.coveredRegions.value).toBe(regions);
      expect([bounds.rowGap.value, bounds.columnGap.value]).toEqual([rows, rows]);
    },
  );

  it("under k = 112 when the salience is the squared distance from the upper left corner", () => {
    const scores = Array.from({ length: 576 }, (_, p) => Math.floor(p / 24) ** 2 + (p % 24) ** 2);
    const anchors = nuwaStage1(scores, grid, { keep: 112, regionSize: 2 });
    const { coveredRegions, radius, rowGap } = coverageOf(anchors, grid, 2);
    expect([coveredRegions, radius, rowGap]).toEqual([112, Math.sqrt(170), 1]);
    // The upper 14 rows, below which all regions are alike; # is an anchor.
    const upper = { rows: 14, columns: 24 };
    const picture = drawGrid(upper, { anchors: anchors.filter((p) => p < patchCount(upper)), regionSize: 24 });
    expect(`\n${picture}`).toBe(EMPTY_CORNER);
  });

  it("and has no such corner from k = 144 on, where all regions are covered", () => {
    expect(coverageBounds(grid, { keep: 143, regionSize: 2 }).radius.value).toBe(Math.sqrt(10));
    expect(coverageBounds(grid, { keep: 144, regionSize: 2 }).radius.value).toBe(Math.SQRT2);
  });
});

describe("finding 5: HoloV keeps another patch when rows and columns are swapped", () => {
  const rows = [
    [1, 2, 3, 6],
    [7, 8, 14, 15],
    [18, 19, 0, 4],
    [5, 9, 10, 11],
    [12, 13, 16, 17],
  ];

  it("because its crops are runs of the raster: two patches for each of the first four, one for each other", () => {
    const [upright, swapped] = [rows, rows[0].map((_, column) => rows.map((row) => row[column]))].map(
      (scores) => measure(holov, caseOf(scores, 5, 1)).picture,
    );
    expect(upright).toBe(`
  1    2    3    6 
  7    8   14   15 
 18  [19]   0    4 
  5    9   10   11 
 12   13   16   17 `);
    expect(swapped).toBe(`
  1    7   18    5   12 
  2    8   19    9   13 
  3   14    0   10   16 
  6   15    4   11  [17]`);
  });

  it("is found by fast-check, on 20 patches at most", () => {
    expectBroken(selectionCases({ max: 8, kind: "distinct" }), laws.transposes(holov), 20);
  });
});

describe("finding 6: VisPruner drops the better of two patches", () => {
  it("where it keeps one, because the best of the rest looks for its like first, and goes", () => {
    expect(measure(vispruner, caseOf([[2, 1]], 2, 1)).picture).toBe(`
 2  [1]`);
  });

  it("is found by fast-check, on 2 patches at most", () => {
    expectBroken(selectionCases({ max: 8 }), laws.keepsTheBestOfARegion(vispruner), 2);
  });
});

describe("finding 7: SCOPE drops a better patch, whose like it has", () => {
  it("for one that covers something else", () => {
    expect(measure(scope, caseOf([[3, 3, 2, 3]], 2, 3)).picture).toBe(`
[3] [3]|[2]  3 `);
  });

  it("is found by fast-check, on 4 patches at most", () => {
    expectBroken(selectionCases({ max: 8 }), laws.keepsTheBestOfARegion(scope), 4);
  });
});

const EMPTY_CORNER = `
························
·············#·#·#·#·#·#
························
·············#·#·#·#·#·#
························
·············#·#·#·#·#·#
························
···········#·#·#·#·#·#·#
························
···········#·#·#·#·#·#·#
························
·······#·#·#·#·#·#·#·#·#
························
···#·#·#·#·#·#·#·#·#·#·#`;
