import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import type { MeasuredPass } from "../../../src/analysis/measure.ts";
import { UsageError } from "../../../src/core/errors.ts";
import type { SampleLedger, VisualToken } from "../../../src/methods/ledger.ts";
import { provenanceRecord, tokenRecord } from "../../../src/view/measures/provenance.ts";
import type { RecordFacts } from "../../../src/view/measures/record.ts";

const token = (more: Partial<VisualToken>): VisualToken => ({
  ...{ image: 0, cell: 0, position: [0], pillar: undefined, weights: undefined, firstLayer: 0, layers: 4 },
  ...more,
});
const ledger: SampleLedger = {
  images: [
    {
      grids: [
        { rows: 1, columns: 2 },
        { rows: 2, columns: 2 },
      ],
      extraTokens: 1,
    },
  ],
  ...{ total: 7, textTokens: 3, layers: 4 },
  tokens: [
    token({ cell: 1, weights: Float32Array.of(0.25, 0.5, 0, 0, 1, 0.125), layers: 2 }),
    token({ cell: 3 }),
    token({ cell: -1 }),
  ],
};
const facts: RecordFacts = {
  pass: { ledger } as MeasuredPass,
  wordOf: String,
  gridNames: ["grid 0", "grid 1"],
};
const drawing = async (svg: string | Promise<string>) => parseHTML(`<html><body>${await svg}</body></html>`).document;
const textsIn = (document: Document) => [...document.querySelectorAll("text")].map(({ textContent }) => textContent);
const EMPTY = "#e9e9e9";

describe("provenance of one token", () => {
  it("is its weights on every grid, with grey where it has none, and the largest of them in words", async () => {
    const { entries, json, figure } = tokenRecord({ number: 0, layer: 1 }, facts);
    expect(entries).toEqual([
      ["provenance.weights", { shape: [1, 6], values: Float32Array.of(0.25, 0.5, 0, 0, 1, 0.125) }],
    ]);
    expect(json).toEqual([
      {
        ...{ token: 0, cell: 1, pillar: undefined, entersLayers: [0, 1], beforeLayer: 1 },
        sources: [
          { grid: 1, cell: 2, weight: 1 },
          { grid: 0, cell: 1, weight: 0.5 },
          { grid: 0, cell: 0, weight: 0.25 },
          { grid: 1, cell: 3, weight: 0.125 },
        ],
      },
    ]);
    expect(figure.caption).toContain(
      "Made of 4 patches: grid 1, row 2, column 1 (1); grid 0, row 1, column 2 (0.5); grid 0, row 1, column 1 (0.25); ….",
    );
    const document = await drawing(figure.svg());
    const cells = [...document.querySelectorAll("rect[stroke]")].map((cell) => cell.getAttribute("fill") === EMPTY);
    expect(cells).toEqual([false, false, true, true, false, false]);
    const texts = textsIn(document);
    expect(texts).toEqual(
      expect.arrayContaining([
        "grid 0, token 0 before layer 1",
        "grid 1, token 0 before layer 1",
        "weight in token 0, logarithmic",
      ]),
    );
    expect(texts).toEqual(expect.arrayContaining(["0.0005", "0.5", "0.001", "1"]));
  });

  it("says of a token without a cell that nothing was mixed into it", () => {
    expect(tokenRecord({ number: 2, layer: 3 }, facts).figure.caption).toMatch(/^No patch was mixed into it/);
    expect(tokenRecord({ number: 1, layer: 3 }, facts).figure.caption).toMatch(
      /^Made of 1 patch: grid 1, row 1, column 2 \(1\)\. /,
    );
  });

  it("refuses one that is gone, or was never there, in the words of the options", () => {
    expect(() => tokenRecord({ number: 0, layer: 2 }, facts)).toThrow(
      new UsageError("--token 0 --layer 2: token 0 is not there before layer 2: it enters layers 0 to 1."),
    );
    expect(() => tokenRecord({ number: 7, layer: 0 }, facts)).toThrow(
      new UsageError("--token 7 --layer 0: token 7 does not exist; there are 0 to 2."),
    );
  });
});

describe("provenance of all tokens", () => {
  it("says in its drawing that weights are sums over them", async () => {
    const { entries, figure } = provenanceRecord(facts);
    const [[, { shape }]] = entries;
    expect(shape).toEqual([3, 6]);
    const texts = textsIn(await drawing(figure.svg()));
    expect(texts).toEqual(expect.arrayContaining(["grid 0, all tokens together", "grid 1, all tokens together"]));
    expect(texts.filter((text) => text === "sum of weights over all tokens")).toHaveLength(2);
  });
});
