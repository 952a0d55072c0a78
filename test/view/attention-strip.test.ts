import { describe, expect, it } from "vitest";
import type { LayerAttention } from "../../src/analysis/answer-attention.ts";
import type { SampleLedger } from "../../src/methods/ledger.ts";
import { drawAttentionStrip } from "../../src/view/attention-strip.ts";
import { heat } from "../../src/view/drawing/palette.ts";
import { wordsOf } from "./support.ts";

/** Two grids of two cells, a token each; the second grid's cells are 2 and 3. */
const grid = { rows: 1, columns: 2 };
const ledger: SampleLedger = {
  images: [{ grids: [grid, grid], extraTokens: 0 }],
  ...{ total: 4, textTokens: 3, layers: 2 },
  tokens: [0, 1, 2, 3].map((cell) => ({
    ...{ image: 0, cell, position: [cell], pillar: undefined, weights: undefined, firstLayer: 0, layers: 2 },
  })),
};
const seen = { width: 16, height: 8, pixels: new Uint8Array(3 * 16 * 8).fill(200), cellName: "patches" };
const image = { grids: ["first", "second"].map((gridName) => ({ ...seen, gridName })) };
const strip = (weights: readonly (readonly number[])[]) => {
  const attention: LayerAttention[] = weights.map((own) => ({
    tokens: [...own.keys()],
    weights: Float32Array.from(own),
  }));
  return drawAttentionStrip({ image, ledger, attention });
};
const coloursIn = (svg: string) => [...svg.matchAll(/class="heat"[^>]* fill="([^"]+)"/g)].map(([, colour]) => colour);

describe("the film strip", () => {
  it("has each grid's own tokens, and all frames on one scale, a thousandth of the largest at its dark end", async () => {
    const svg = await strip([
      [0.0005, 0.0005, 0.0005, 0.05],
      [0.5, 0.05, 0.005, 0.0005],
    ]);
    const colour = (weight: number) => heat(1 + Math.log10(weight / 0.5) / 3);
    const wanted = [0.0005, 0.0005, 0.5, 0.05, 0.0005, 0.05, 0.005, 0.0005].map(colour);
    expect(coloursIn(svg)).toEqual(wanted);
  });

  it("says what part of the attention goes to all visual tokens together", async () => {
    const words = wordsOf(
      await strip([
        [0.1, 0.2, 0.1, 0.05],
        [0, 0, 0, 0],
      ]),
    );
    expect(words).toContain("layer 0: 45 %");
    expect(words).toContain("layer 1: 0 %");
  });
});
