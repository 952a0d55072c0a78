import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import type { SampleLedger, VisualToken } from "../../src/methods/ledger.ts";
import { type ComparedRun, comparedWith, comparisonTable } from "../../src/view/comparison.ts";
import { drawComparison } from "../../src/view/comparison-picture.ts";
import { tinyModel } from "../support-tiny.ts";
import { badIds, misplaced, wordsOf } from "./support.ts";

const { config } = tinyModel();

function run(
  method: string,
  box: Box | undefined,
  flops: number,
  tokens: readonly Partial<VisualToken>[],
): ComparedRun {
  const ledger: SampleLedger = {
    ...{ images: [{ grids: [{ rows: 1, columns: 4 }], extraTokens: 0 }], total: 4, textTokens: 2, layers: 4 },
    tokens: tokens.map((token) => ({
      ...{ image: 0, cell: 0, position: [0], pillar: undefined, weights: undefined, firstLayer: 0, layers: 4 },
      ...token,
    })),
  };
  const cost = { flops, visionTower: 0, projector: 0, decoder: flops, selection: 0 } as unknown as ComparedRun["cost"];
  return { method, answer: { text: box ? `[${box}]` : "no", boxes: box ? [box] : [] }, ledger, cost };
}

const NONE = run(
  "none",
  [0, 0, 0.5, 1],
  100,
  [0, 1, 2, 3].map((cell) => ({ cell })),
);
const CUT = run("cut", [0, 0, 0.4, 1], 40, [{ cell: 1 }, { cell: 2, layers: 2 }]);
const LOST = run("lost", undefined, 50, [{ cell: 0, weights: Float32Array.of(0.5, 0.5, 0, 0) }]);
const ROWS = [NONE, CUT, LOST].map((one) => comparedWith(NONE, one, config));

describe("methods side by side", () => {
  it("are compared with the unpruned run: overlap, verdict, counts, savings", () => {
    expect(ROWS[0]).toMatchObject({ method: "none", iou: 1, saved: { flops: 0, cacheBytes: 0, exactFlops: 0 } });
    expect(ROWS[0]).not.toHaveProperty("verdict");
    expect(ROWS[1]).toMatchObject({
      verdict: "the box held: intersection over union 0.80",
      kept: { first: 2, last: 1 },
      visualTokensPerLayer: [2, 2, 1, 1],
      averageEntering: 1.5,
      saved: { cacheBytes: 1 - 6 / 16, exactFlops: 0.6 },
    });
    expect(ROWS[1].iou).toBeCloseTo(0.8, 6);
    expect(ROWS[2]).toMatchObject({ iou: null, verdict: "the box was lost: the pruned answer is none" });
  });

  it("are a table with a line each, in columns", () => {
    const table = comparisonTable(ROWS);
    expect(table).toHaveLength(4);
    expect(table[2]).toMatch(
      /^cut {5}2 → 1 {3}1\.5 {6}\d\d\.\d % {7}60\.0 % {8}62\.5 % {7}0\.80 {15}\[0,0,0\.4,1] \(the box held/,
    );
    expect(new Set(table.map((line) => line.search(/answer|\[0|no \(/)))).toHaveProperty("size", 1);
  });

  it("are drawn, each with what it kept, its answer and what that saved", async () => {
    const grids = [{ width: 40, height: 10, pixels: new Uint8Array(1200).fill(99), cellName: "patches" }];
    const runs = [NONE, CUT, LOST].map((one, i) => ({ run: one, compared: ROWS[i] }));
    const svg = await drawComparison({ images: [{ grids }], question: "Where?", runs, truth: { text: "here" } });
    const words = wordsOf(svg);
    for (const text of [
      "Unpruned",
      "cut",
      "lost",
      "true: here",
      "saves",
      "the box was lost",
      "1 token made of several patches, to which lines lead",
    ])
      expect(words).toContain(text);
    expect(words.match(/in the last layer/g)).toHaveLength(1);
    expect(words.match(/dropped in the decoder/g)).toHaveLength(1);
    expect(words.match(/dropped before the decoder/g)).toHaveLength(2);
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
    // The cells 0 and 3 of the second run are dark, 2 is half dark.
    expect(svg).toContain('d="M0 0H74V74H0ZM222 0H296V74H222Z" fill="#000" fill-opacity="0.8"');
    expect(svg).toContain('d="M148 0H222V74H148Z" fill="#000" fill-opacity="0.45"');
  });

  it("draw tokens that a cut made of dropped ones as what they are made of", async () => {
    const grids = [{ width: 40, height: 10, pixels: new Uint8Array(1200).fill(99), cellName: "patches" }];
    const whole = [0, 1, 2].map((cell) => ({ cell, layers: 1 }));
    const made = { cell: -1, firstLayer: 1, weights: Float32Array.of(0.5, 0, 0.5, 0) };
    const recycling = run("recycling", undefined, 50, [...whole, { cell: 3 }, made]);
    const runs = [NONE, recycling].map((one) => ({ run: one, compared: comparedWith(NONE, one, config) }));
    const svg = await drawComparison({ images: [{ grids }], question: "Where?", runs });
    const words = wordsOf(svg);
    expect(words).toContain("1 of the patches kept as they are");
    expect(words).toContain("1 token made anew of dropped ones, to which lines lead");
    expect(words).not.toContain("no place");
    // From the cells 0 and 2 to the middle between them; the cell 1 alone is half dark.
    expect(svg).toContain("M37 37L111 37M185 37L111 37");
    expect(svg).toContain('d="M74 0H148V74H74Z" fill="#000" fill-opacity="0.45"');
  });

  it("count a class token, and draw a mixture without a cell also where others have the same cells", async () => {
    const grids = [{ width: 40, height: 10, pixels: new Uint8Array(1200).fill(99), cellName: "patches" }];
    const mixed = run("mixed", undefined, 50, [
      { cell: 0, weights: Float32Array.of(1, 0.5, 0, 0) },
      { cell: -1 },
      { cell: -1, weights: Float32Array.of(0, 0.5, 0.5, 0) },
    ]);
    const runs = [NONE, mixed].map((one) => ({ run: one, compared: comparedWith(NONE, one, config) }));
    const svg = await drawComparison({ images: [{ grids }], question: "Where?", runs });
    const words = wordsOf(svg);
    expect(words).toContain("in the last layer, 1 of them mixed with other patches");
    expect(words).toContain("1 token made of several patches, to which lines lead");
    expect(words).toContain("1 class token: has no place, not drawn here");
    expect(svg).toContain('d="M222 0H296V74H222Z" fill="#000" fill-opacity="0.8"');
  });

  it("are drawn for each of several images, each with its own tokens and no box", async () => {
    const grids = [{ width: 40, height: 10, pixels: new Uint8Array(1200).fill(99), cellName: "patches" }];
    const two = (one: ComparedRun): ComparedRun => ({
      ...one,
      ledger: { ...one.ledger, images: [one.ledger.images[0], one.ledger.images[0]], total: 8 },
    });
    const second = run("cut", [0, 0, 0.4, 1], 40, [{ cell: 1 }, { image: 1, cell: 3 }]);
    const runs = [two(NONE), two(second)].map((one) => ({ run: one, compared: comparedWith(two(NONE), one, config) }));
    const svg = await drawComparison({ images: [{ grids }, { grids }], question: "Which?", runs });
    expect([misplaced(svg), badIds(svg)]).toEqual([[], []]);
    expect(svg).not.toContain('class="box-');
    // Of the first image the cell 1 stays, of the second the cell 3.
    expect(svg).toContain('d="M0 0H74V74H0ZM148 0H222V74H148ZM222 0H296V74H222Z"');
    expect(svg).toContain('d="M0 0H74V74H0ZM74 0H148V74H74ZM148 0H222V74H148Z"');
  });
});
