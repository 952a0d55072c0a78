import { describe, expect, it } from "vitest";
import { collectorsIn, parseCell } from "../../../src/cli/ask/collector.ts";
import type { SampleLedger, VisualToken } from "../../../src/methods/ledger.ts";

describe("a cell on the command line", () => {
  it("is a row and a column, counted from 1", () => {
    expect(parseCell("3,4")).toEqual({ row: 3, column: 4 });
    expect(parseCell(" 12 , 1 ")).toEqual({ row: 12, column: 1 });
  });

  it.each(["3", "3,", "0,1", "1,0", "-1,2", "1.5,2", "1,2,3", "a,b", "", "1e3,2"])("is not %j", (text) => {
    expect(() => parseCell(text)).toThrow(/^--collector .*is not a row and a column from 1, such as 3,4/);
  });
});

describe("the tokens in a cell that are made of several", () => {
  const token = (cell: number, weights: Record<number, number> | undefined, more = {}): VisualToken => ({
    ...{ image: 0, cell, position: [0], pillar: undefined, firstLayer: 0, layers: 4 },
    weights: weights && Float32Array.from({ length: 10 }, (_, at) => weights[at] ?? 0),
    ...more,
  });
  // Two rows of three cells, then two rows of two.
  const grids = [
    { rows: 2, columns: 3 },
    { rows: 2, columns: 2 },
  ];
  const ledgerOf = (...tokens: VisualToken[]): SampleLedger => ({
    ...{ images: [{ grids, extraTokens: 0 }], total: 10, textTokens: 3, layers: 4 },
    tokens,
  });
  const ledger = ledgerOf(
    token(0, undefined),
    token(4, { 4: 1, 1: 0.5 }),
    token(5, { 5: 1 }),
    token(9, { 9: 1, 8: 0.5 }),
    token(-1, { 0: 0.5, 1: 0.5 }),
    token(1, { 0: 0.5, 1: 0.5 }, { firstLayer: 2 }),
  );

  it("are found in each grid that has one there", () => {
    expect(collectorsIn(ledger, { row: 2, column: 2 })).toEqual([1, 3]);
  });

  it("are none that are a cell alone, stand nowhere or begin inside the decoder; the nearest is named", () => {
    for (const [row, column] of [
      [1, 1],
      [2, 3],
      [1, 2],
      [40, 40],
    ])
      expect(() => collectorsIn(ledger, { row, column })).toThrow(
        `--collector ${row},${column}: no token there is made of several cells. ` +
          "The nearest that is has --collector 2,2.",
      );
  });

  it("are refused where the method mixes nothing", () => {
    expect(() => collectorsIn(ledgerOf(token(0, undefined)), { row: 1, column: 1 })).toThrow(
      "--collector 1,1: no token in a cell is made of several. Leave it out, or name another --method.",
    );
  });
});
