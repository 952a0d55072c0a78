import type { VisualToken } from "../../methods/ledger.ts";
import { cellsWhere, frames, veil } from "./cells.ts";
import { type DrawnGrid, laidOn } from "./grid-panels.ts";
import { areDisjoint, groups, type MadeOf, madeOf } from "./groups.ts";
import type { LegendEntry } from "./legend.ts";
import { placelessEntries, shownTokens, tokenEntries } from "./shown-tokens.ts";
import { darkSymbol } from "./symbols.ts";

/** How far a cell got: into no token, into one that a cut in the decoder dropped, or into one that stayed. */
export type Reached = "nowhere" | "decoder" | "end";

/** What became of a grid, drawn, and what the drawing has. */
export interface DrawnStages {
  readonly svg: string;
  readonly reached: ReadonlySet<Reached>;
  /** Tokens of the last layer whose cells have a frame. */
  readonly framed: readonly MadeOf[];
  /** Tokens drawn as what they are made of. */
  readonly grouped: readonly MadeOf[];
}

/**
 * The scene with what was dropped before the decoder dark, and what was dropped inside it half dark. A cell got as far
 * as the token that it is, or as the mixture that it is drawn in: one that was made before the decoder, or one that a
 * cut made of dropped tokens and that stayed.
 *
 * @param layers of the decoder
 */
export function stagesOf(drawn: DrawnGrid, layers: number): DrawnStages {
  const { grid, first, scene } = drawn;
  const laid = laidOn(drawn);
  const tokens = drawn.tokens.map(({ token }) => token);
  const shown = (some: typeof tokens) => shownTokens(madeOf(some, { grid }, first));
  const last = shown(tokens.filter((token) => token.layers === layers));
  const dropped = shown(tokens.filter((token) => token.firstLayer === 0 && token.layers < layers));
  const got = new Map<number, Reached>();
  for (const [{ asCells, grouped }, stage] of [
    [dropped, "decoder"],
    [last, "end"],
  ] as const) {
    for (const { own } of asCells) got.set(own, stage);
    for (const { sources } of grouped) for (const cell of sources.keys()) got.set(cell, stage);
  }
  const cells = (wanted: Reached) => cellsWhere(grid, (cell) => (got.get(cell) ?? "nowhere") === wanted);
  const [nowhere, decoder, end] = [cells("nowhere"), cells("decoder"), cells("end")];
  const isPruned = nowhere.length + decoder.length > 0;
  const all = [...last.grouped, ...dropped.grouped];
  // Lines to a cell that is in two tokens would not say what is in which.
  const grouped = areDisjoint(all) ? all : last.grouped;
  const framed = isPruned || grouped.length > 0 ? last.asCells : [];
  const svg = [
    scene.use,
    veil(laid, nowhere, 0.8),
    veil(laid, decoder, 0.45),
    groups(laid, grouped),
    frames(
      laid,
      framed.map(({ own }) => own),
    ),
  ].join("");
  return {
    svg,
    reached: new Set([
      ...(end.length > 0 ? ["end" as const] : []),
      ...(decoder.length > 0 ? ["decoder" as const] : []),
      ...(nowhere.length > 0 ? ["nowhere" as const] : []),
    ]),
    framed,
    grouped,
  };
}

/**
 * What the shades, frames and lines of the drawings of one run's grids mean.
 *
 * @param tokens of the run
 * @param layers of the decoder
 */
export function stageEntries(
  drawn: readonly DrawnStages[],
  tokens: readonly VisualToken[],
  layers: number,
  cellName: string,
): LegendEntry[] {
  const has = (wanted: Reached) => drawn.some(({ reached }) => reached.has(wanted));
  const [framed, grouped] = [drawn.flatMap((one) => one.framed), drawn.flatMap((one) => one.grouped)];
  return [
    ...tokenEntries(framed, grouped, cellName, "in the last layer"),
    ...(has("decoder") ? [{ symbol: darkSymbol("#a6a6a6"), text: "dropped in the decoder" }] : []),
    ...(has("nowhere") ? [{ symbol: darkSymbol(), text: "dropped before the decoder" }] : []),
    ...placelessEntries(
      tokens.filter((token) => token.layers === layers),
      grouped,
    ),
  ];
}
