import { describe, expect, it } from "vitest";
import { provenance } from "../../src/analysis/provenance.ts";
import { UsageError } from "../../src/core/errors.ts";
import type { SampleLedger, VisualToken } from "../../src/methods/ledger.ts";

const token = (more: Partial<VisualToken>): VisualToken => ({
  ...{ image: 0, cell: 0, position: [0], pillar: undefined, weights: undefined, firstLayer: 0, layers: 4 },
  ...more,
});
/** An image of two grids, of 2 and 4 cells. */
const ledger: SampleLedger = {
  images: [
    {
      grids: [
        { rows: 1, columns: 2 },
        { rows: 2, columns: 2 },
      ],
      extraTokens: 0,
    },
  ],
  ...{ total: 6, textTokens: 3, layers: 4 },
  tokens: [
    token({ cell: 3 }),
    token({ cell: 1, weights: Float32Array.of(0.25, 0.5, 0, 0, 1, 0), layers: 2 }),
    token({ cell: -1, firstLayer: 2, weights: Float32Array.of(0, 1, 0, 0, 0, 0) }),
    token({ cell: -1 }),
  ],
};

describe("provenance", () => {
  it("names patches by their grid, the largest weight first", () => {
    expect(provenance(ledger, 0)).toEqual([{ grid: 1, cell: 1, weight: 1 }]);
    expect(provenance(ledger, 1)).toEqual([
      { grid: 1, cell: 2, weight: 1 },
      { grid: 0, cell: 1, weight: 0.5 },
      { grid: 0, cell: 0, weight: 0.25 },
    ]);
    expect(provenance(ledger, 2, 2)).toEqual([{ grid: 0, cell: 1, weight: 1 }]);
    expect(provenance(ledger, 3, 3)).toEqual([]);
  });

  it.each([
    [1, 2, "token 1 is not there before layer 2: it enters layers 0 to 1."],
    [2, 1, "token 2 is not there before layer 1: it enters layers 2 to 3."],
    [0, 0.5, "token 0 is not there before layer 0.5: it enters layers 0 to 3."],
    [4, 0, "token 4 does not exist; there are 0 to 3."],
    [-1, 0, "token -1 does not exist; there are 0 to 3."],
  ])("refuses token %d before layer %d", (number, layer, message) => {
    expect(() => provenance(ledger, number, layer)).toThrow(new UsageError(message));
  });
});
