import type { LayerAttention } from "../analysis/answer-attention.ts";
import { patchCount } from "../core/grid.ts";
import type { SampleLedger, VisualToken } from "../methods/ledger.ts";
import { firstCells } from "../model/image-shape.ts";
import { cellsWhere, heatCells, veil } from "./drawing/cells.ts";
import { areDisjoint, madeOf } from "./drawing/groups.ts";
import { heatScale } from "./drawing/legend.ts";
import { drawingOf, GAP, type Panel, panelRows, panelWidth, WIDTH } from "./drawing/panel.ts";
import { sceneOf } from "./drawing/scene.ts";
import { type Block, FONT, paragraph, stacked } from "./drawing/text.ts";
import type { DrawnImage } from "./picture.ts";

/** What {@link drawAttentionStrip} draws. */
export interface AttentionStrip {
  /** The one image of the prompt. */
  readonly image: DrawnImage;
  /** Of the pass that was measured. */
  readonly ledger: SampleLedger;
  /** See `answerAttention`. */
  readonly attention: readonly LayerAttention[];
  readonly question?: string;
  /** Before every id of the drawing, so that several can stand in one page ("strip-"). */
  readonly idPrefix?: string;
}

const COLUMNS = 4;
const FRAME = panelWidth(COLUMNS);
/** Attention below the largest by more than this factor has the darkest colour. */
const RANGE = 1000;

/**
 * The attention of the answer to the visual tokens as a film strip: the picture and a frame for each decoder layer,
 * four in a row, all on one logarithmic scale; above each what part of the attention goes to the picture. Cells of
 * no token are the dark picture. A token that is a mixture colours all its cells where no cell is in two of the tokens
 * that enter the decoder, else its own cell; the drawing says which.
 *
 * @example
 * const { pass, attention } = await measure(model, inputs, method, {
 *   pass: () => async (pass) => pass,
 *   attention: answerAttention(),
 * });
 * const svg = await drawAttentionStrip({ image: { grids: image.pictures }, ledger: pass.ledger, attention });
 *
 * @returns SVG text
 */
export async function drawAttentionStrip(strip: AttentionStrip): Promise<string> {
  const { image, ledger, attention, question, idPrefix = "strip-" } = strip;
  const width = WIDTH - 2 * GAP;
  const weights = attention.flatMap((layer) => [...layer.weights]);
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0) || 1;
  const shareOf = (weight: number) => 1 + Math.log(Math.max(weight, largest / RANGE) / largest) / Math.log(RANGE);
  const definitions: string[] = [];
  const sections: Block[] = [
    ...(question === undefined ? [] : [paragraph(question, { width, size: 22, bold: true, lines: 4 })]),
    paragraph("Attention of the last token to the visual tokens, layer by layer", {
      ...{ width, bold: true },
    }),
    paragraph("Percentages: how much of the attention goes to all visual tokens together.", {
      ...{ width, size: FONT.small },
    }),
  ];
  const starts = firstCells(ledger.images[0]);
  // One rule for all layers: where tokens are dropped, the cells of the rest are in one token each, but mean the same.
  const spread = ledger.images[0].grids.every((grid, i) => {
    const entered = ledger.tokens.filter(({ firstLayer }) => firstLayer === 0);
    return areDisjoint(madeOf(entered, { grid }, starts[i]));
  });
  if (ledger.tokens.some(({ weights }) => weights))
    sections.push(
      paragraph(
        spread ? "A token colours all cells that it is made of." : "A mixed token colours its own cell alone.",
        {
          ...{ width, size: FONT.small },
        },
      ),
    );
  for (const [i, seen] of image.grids.entries()) {
    const id = `${idPrefix}${i}-seen`;
    const scene = await sceneOf(seen, image.picture, id, { width: FRAME, height: 2 * FRAME });
    definitions.push(scene.definition);
    const laid = { grid: ledger.images[0].grids[i], size: scene.inCells };
    if (image.grids.length > 1) sections.push(paragraph(seen.gridName ?? `grid ${i}`, { width, bold: true }));
    const frameOf = (title: string, marks = ""): Panel => ({
      title,
      body: { svg: scene.use + marks, height: scene.size.height },
      notes: [],
    });
    const frames = attention.map((layer, number) => {
      const values = cellValues(layer, ledger, laid.grid, starts[i], spread);
      const share = layer.weights.reduce((sum, weight) => sum + weight, 0);
      const dark = cellsWhere(laid.grid, (cell) => !values.has(cell));
      const title = `layer ${number}: ${Number((100 * share).toPrecision(2))} %`;
      return frameOf(title, veil(laid, dark) + heatCells(laid, values, shareOf));
    });
    sections.push(panelRows([frameOf("the picture"), ...frames], COLUMNS));
  }
  sections.push(heatScale(`${idPrefix}scale`, largest / RANGE, largest, width, "logarithmic; darkest: this or less"));
  return drawingOf("Attention of the answer to the visual tokens", definitions, stacked(sections, 10));
}

/** Raster index in a grid → attention to the token that stands there or has that cell in it. */
function cellValues(
  { tokens, weights }: LayerAttention,
  ledger: SampleLedger,
  grid: SampleLedger["images"][number]["grids"][number],
  first: number,
  spread: boolean,
): Map<number, number> {
  const paid = new Map<VisualToken, number>(tokens.map((number, i) => [ledger.tokens[number], weights[i]]));
  const here = madeOf([...paid.keys()], { grid }, first);
  const values = new Map<number, number>();
  for (const { token, own, sources } of here)
    for (const cell of spread ? sources.keys() : [own])
      if (cell >= 0 && cell < patchCount(grid)) values.set(cell, paid.get(token) as number);
  return values;
}
