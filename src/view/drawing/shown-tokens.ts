import type { VisualToken } from "../../methods/ledger.ts";
import { type Mark, mark } from "./cells.ts";
import { areDisjoint, isMixed, kindOf, type MadeOf } from "./groups.ts";
import type { LegendEntry } from "./legend.ts";
import { frameSymbol } from "./symbols.ts";

/** Tokens of one grid by how they are drawn. Those in neither list have no cell and cannot be drawn. */
export interface ShownTokens {
  /** As the cells that they are made of, to which lines lead. */
  readonly grouped: readonly MadeOf[];
  /** As their own cell. */
  readonly asCells: readonly MadeOf[];
}

/**
 * How tokens are drawn: mixtures as what they are made of as long as no cell is in two tokens. Else only those without
 * a cell of their own are, which could not be drawn in any other way. Pillars and collectors have marks instead.
 *
 * @param here tokens of one grid
 * @param elsewhere whether other drawings show those without a cell: lines from most of the cells hide the others
 */
export function shownTokens(here: readonly MadeOf[], elsewhere = false): ShownTokens {
  const hasRoles = here.some(({ token }) => token.pillar !== undefined);
  const placeless = here.filter(({ own }) => own < 0);
  const areDrawn = !elsewhere && areDisjoint(placeless);
  const grouped = !hasRoles && areDisjoint(here) ? here.filter(isMixed) : areDrawn ? placeless : [];
  return { grouped, asCells: here.filter((one) => one.own >= 0 && !grouped.includes(one)) };
}

/** A mark with its meaning. */
export function markEntry(kind: Mark, text: string): LegendEntry {
  return { symbol: mark(kind, [0, 0], 26), text };
}

/**
 * What frames, symbols and lines of a drawing mean.
 *
 * @param framed tokens whose cells have a frame
 * @param grouped tokens drawn as what they are made of; one that is in several grids counts once
 * @param word what the frames say where all tokens are drawn as cells
 */
export function tokenEntries(
  framed: readonly MadeOf[],
  grouped: readonly MadeOf[],
  cellName: string,
  word = "kept",
): LegendEntry[] {
  const mixed = framed.filter(isMixed).length;
  const words =
    mixed > 0
      ? `${word}, ${mixed} of them mixed with other ${cellName}`
      : grouped.length > 0
        ? `${framed.length} of the ${cellName} kept as they are`
        : word;
  const made = (["merged", "recycled"] as const).flatMap((kind) => {
    const count = new Set(grouped.filter((one) => kindOf(one) === kind).map(({ token }) => token)).size;
    const made = kind === "merged" ? `made of several ${cellName}` : "made anew of dropped ones";
    return count > 0 ? [markEntry(kind, `${counted(count, "token")} ${made}, to which lines lead`)] : [];
  });
  return [...(framed.length > 0 ? [{ symbol: frameSymbol(), text: words }] : []), ...made];
}

/**
 * What is not in a drawing: tokens without a cell that are made of no cell, or of cells that others of them are made
 * of, too.
 *
 * @param tokens all that the drawing is of
 * @param grouped those that are drawn as what they are made of
 * @param where which other drawings show a mixture; undefined: none
 */
export function placelessEntries(
  tokens: readonly VisualToken[],
  grouped: readonly MadeOf[],
  where?: string,
): LegendEntry[] {
  const drawn = new Set(grouped.map(({ token }) => token));
  const missing = tokens.filter((token) => token.cell < 0 && !drawn.has(token));
  const isBare = ({ weights }: VisualToken) => !weights?.some((weight) => weight > 0);
  const bare = missing.filter(isBare).length;
  const mixed = missing.length - bare;
  const elsewhere = where === undefined ? "not drawn here" : `see ${where}`;
  return [
    ...(bare > 0 ? [markEntry("own", `${counted(bare, "class token")}: has no place, not drawn here`)] : []),
    ...(mixed > 0 ? [markEntry("merged", `${counted(mixed, "token")} made of many: has no place, ${elsewhere}`)] : []),
  ];
}

/** "1 token", "2 tokens". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
