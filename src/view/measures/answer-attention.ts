import type { LayerAttention } from "../../analysis/answer-attention.ts";
import type { Grid } from "../../core/grid.ts";
import { drawAttentionStrip } from "../attention-strip.ts";
import type { DrawnImage } from "../picture.ts";
import { type MeasureRecord, type RecordFacts, rounded, rowsOf } from "./record.ts";

/** What the last token looks at in each layer, see `answerAttention`. */
export function answerAttentionRecord(
  attention: readonly LayerAttention[],
  { pass, wordOf }: RecordFacts,
  image: DrawnImage | undefined,
): MeasureRecord {
  const { ledger, token } = pass;
  // A row for each layer; tokens that it does not hold get nothing.
  const rows = attention.map(({ tokens, weights }) => {
    const row = new Float32Array(ledger.tokens.length);
    for (const [i, number] of tokens.entries()) row[number] = weights[i];
    return row;
  });
  return {
    entries: [["llm.answer_attention", rowsOf(rows)]],
    json: {
      nextToken: wordOf(token),
      cellsOfTokens: ledger.tokens.map(({ cell }) => cell),
      layers: attention.map(({ tokens, weights }) => ({ tokens, weights: rounded(weights) })),
    },
    figure: {
      title: "attention of the answer",
      caption:
        `What the last token pays to each visual token where “${wordOf(token)}” is predicted, layer by layer, mean ` +
        "over heads.",
      svg: () => drawAttentionStrip({ image: image ?? blank(ledger.images[0].grids), ledger, attention }),
    },
  };
}

/** Grey in the place of an image that is not known. */
function blank(grids: readonly Grid[]): DrawnImage {
  return {
    grids: grids.map(({ rows, columns }) => {
      const [width, height] = [columns, rows].map((cells) => 8 * cells);
      return { width, height, pixels: new Uint8Array(3 * width * height).fill(200), cellName: "patches" };
    }),
  };
}
