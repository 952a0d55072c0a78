import type { GridLedger, VisualToken } from "../../methods/ledger.ts";
import { element } from "../svg.ts";
import { type LaidGrid, mark, middleOf, placeOf, short } from "./cells.ts";
import { COLOURS } from "./palette.ts";

/** A token, and which cells of one grid it is made of. */
export interface MadeOf {
  readonly token: VisualToken;
  /** Raster index in the grid of its own cell; −1 where it has none there. */
  readonly own: number;
  /** Weights above 0, by raster index in the grid. */
  readonly sources: ReadonlyMap<number, number>;
}

/**
 * What tokens are made of in one grid; those without a part in it are left out.
 *
 * @param first where the grid's cells begin among those of the image
 */
export function madeOf(tokens: readonly VisualToken[], { grid }: Pick<GridLedger, "grid">, first: number): MadeOf[] {
  const count = grid.rows * grid.columns;
  return tokens.flatMap((token) => {
    const own = token.cell >= first && token.cell < first + count ? token.cell - first : -1;
    const sources = new Map<number, number>();
    if (token.weights)
      for (let cell = 0; cell < count; cell++) {
        const weight = token.weights[first + cell];
        if (weight > 0) sources.set(cell, weight);
      }
    else if (own >= 0) sources.set(own, 1);
    return own < 0 && sources.size === 0 ? [] : [{ token, own, sources }];
  });
}

/** Whether a token is a mixture. */
export function isMixed({ own, sources }: MadeOf): boolean {
  return sources.size > 1 || (sources.size === 1 && !sources.has(own));
}

/** Whether no cell is in two tokens, so that lines can show which cell went where. */
export function areDisjoint(all: readonly MadeOf[]): boolean {
  const cells = all.flatMap(({ sources }) => [...sources.keys()]);
  return new Set(cells).size === cells.length;
}

/** How much a token has of cells other than its own: the sum of their weights. */
export function gathered({ own, sources }: MadeOf): number {
  let sum = 0;
  for (const [cell, weight] of sources) if (cell !== own) sum += weight;
  return sum;
}

/**
 * Mixed tokens as what they are made of: a line from each of their cells to a symbol, which stands in the token's own
 * cell or, where it has none, in the middle of them. Borders run between neighbouring cells of different tokens.
 */
export function groups(laid: LaidGrid, all: readonly MadeOf[]): string {
  const side = Math.min(laid.size.width / laid.grid.columns, laid.size.height / laid.grid.rows);
  const lines: Record<"merged" | "recycled", string> = { merged: "", recycled: "" };
  const marks: string[] = [];
  for (const one of all.filter(isMixed)) {
    const kind = kindOf(one);
    const [x, y] = one.own >= 0 ? middleOf(laid, one.own) : middleOfAll(laid, [...one.sources.keys()]);
    for (const cell of one.sources.keys()) {
      const [fromX, fromY] = middleOf(laid, cell);
      lines[kind] += `M${short(fromX)} ${short(fromY)}L${short(x)} ${short(y)}`;
    }
    marks.push(mark(kind, [x, y], side));
  }
  const spokes = (["merged", "recycled"] as const).map((kind) => {
    if (lines[kind] === "") return "";
    const path = { d: lines[kind], fill: "none", "stroke-linecap": "round" };
    return (
      element("path", { ...path, stroke: COLOURS.ink, "stroke-width": 3.4 }) +
      element("path", {
        class: "spokes",
        ...path,
        stroke: COLOURS.paper,
        "stroke-width": 1.6,
        "stroke-dasharray": DASHES[kind],
      })
    );
  });
  return borders(laid, all) + spokes.join("") + marks.join("");
}

const DASHES = { merged: "none", recycled: "3 3" } as const;

/** Made inside the decoder, or before it. */
export function kindOf({ token }: MadeOf): "merged" | "recycled" {
  return token.firstLayer > 0 ? "recycled" : "merged";
}

function middleOfAll(laid: LaidGrid, cells: readonly number[]): readonly [number, number] {
  const middles = cells.map((cell) => middleOf(laid, cell));
  const mean = (axis: 0 | 1) => middles.reduce((sum, at) => sum + at[axis], 0) / middles.length;
  return [mean(0), mean(1)];
}

/** Lines between cells that are in different tokens. */
function borders(laid: LaidGrid, all: readonly MadeOf[]): string {
  const { rows, columns } = laid.grid;
  const owner = new Map(all.flatMap(({ sources }, i) => [...sources.keys()].map((cell) => [cell, i] as const)));
  let d = "";
  for (let cell = 0; cell < rows * columns; cell++) {
    const { right, bottom, left, top } = placeOf(laid, cell);
    if ((cell + 1) % columns !== 0 && owner.get(cell) !== owner.get(cell + 1))
      d += `M${short(right)} ${short(top)}V${short(bottom)}`;
    if (cell + columns < rows * columns && owner.get(cell) !== owner.get(cell + columns))
      d += `M${short(left)} ${short(bottom)}H${short(right)}`;
  }
  if (d === "") return "";
  const path = { d, fill: "none" };
  return (
    element("path", { ...path, stroke: COLOURS.ink, "stroke-width": 2.4 }) +
    element("path", { class: "borders", ...path, stroke: COLOURS.merged, "stroke-width": 1.2 })
  );
}
