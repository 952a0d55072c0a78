import type { LayerAttention, Told, ToldScores, ToldToken } from "../model/protocol.ts";

/** What one token of the prompt pays in one layer. */
export interface AttentionRow {
  /** To the visual token of each cell. */
  readonly byCell: ReadonlyMap<number, number>;
  /** To all visual tokens, those without a cell included, 0..1. */
  readonly image: number;
  /** To the text before the image and behind it, 0..1. */
  readonly before: number;
  readonly behind: number;
}

/** The row of a place in a layer's attention. */
export function rowOf(
  { places, attention }: LayerAttention,
  tokens: readonly ToldToken[],
  place: number,
): AttentionRow {
  const length = places.length;
  const paid = (column: number) => attention[place * length + column];
  const first = places.findIndex((token) => token >= 0);
  const byCell = new Map<number, number>();
  let [image, before, behind] = [0, 0, 0];
  places.forEach((token, i) => {
    if (token >= 0) {
      image += paid(i);
      if (tokens[token].cell >= 0) byCell.set(tokens[token].cell, paid(i));
    } else if (i < first) before += paid(i);
    else behind += paid(i);
  });
  return { byCell, image, before, behind };
}

/** The place of a cell's token in a layer; undefined where the layer has none. */
export function placeOfCell(
  { places }: LayerAttention,
  tokens: readonly ToldToken[],
  cell: number,
): number | undefined {
  const place = places.findIndex((token) => token >= 0 && tokens[token].cell === cell);
  return place < 0 ? undefined : place;
}

/** The most that the last token, or that of a cell, pays to one patch in any layer that has it. */
export function largestOfAll({ attention = [], tokens }: Told, cell: number | undefined): number {
  const rows = attention.map((seen) => {
    const place = cell === undefined ? seen.places.length - 1 : placeOfCell(seen, tokens, cell);
    return place === undefined ? [] : [...rowOf(seen, tokens, place).byCell.values()];
  });
  return Math.max(0, ...rows.flat());
}

/** Scores of the cut before a layer or a later one, or else of the last cut; undefined where nothing is scored. */
export function cutNear({ scores }: Told, layer: number): ToldScores | undefined {
  return scores.find((cut) => cut.layer >= layer) ?? scores.at(-1);
}
