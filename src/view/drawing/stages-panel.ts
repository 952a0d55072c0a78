import { element } from "../svg.ts";
import { cellsWhere, frames, mark, veil } from "./cells.ts";
import { type DrawnGrid, darkSymbol, frameSymbol, laidOn } from "./grid-panels.ts";
import { areDisjoint, groups, isMixed, madeOf } from "./groups.ts";
import type { LegendEntry } from "./legend.ts";
import { COLOURS } from "./palette.ts";

/** How far a cell got: into no token, into one that a cut in the decoder dropped, or into one that stayed. */
export type Reached = "nowhere" | "decoder" | "end";

/** What became of a grid, drawn, and what the drawing has. */
export interface DrawnStages {
  readonly svg: string;
  readonly reached: ReadonlySet<Reached>;
  /** Whether lines lead to what tokens are made of. */
  readonly hasGroups: boolean;
}

/**
 * The scene with what was dropped before the decoder dark, and what was dropped inside it half dark. A cell got as far
 * as the token that it is; where tokens are mixtures and no cell is in two, as the token that it is in.
 *
 * @param layers of the decoder
 */
export function stagesOf(drawn: DrawnGrid, layers: number): DrawnStages {
  const { grid, tokens, first, scene } = drawn;
  const laid = laidOn(drawn);
  const entered = tokens.flatMap(({ token }) => (token.firstLayer === 0 ? [token] : []));
  const here = madeOf(entered, { grid }, first);
  const isRoleless = here.every(({ token }) => token.pillar === undefined);
  const hasGroups = isRoleless && here.some(isMixed) && areDisjoint(here);
  const got = new Map<number, Reached>();
  for (const { token, own, sources } of here)
    for (const cell of hasGroups ? sources.keys() : own < 0 ? [] : [own])
      got.set(cell, token.layers === layers ? "end" : "decoder");
  const cells = (wanted: Reached) => cellsWhere(grid, (cell) => (got.get(cell) ?? "nowhere") === wanted);
  const [nowhere, decoder, end] = [cells("nowhere"), cells("decoder"), cells("end")];
  const isPruned = nowhere.length + decoder.length > 0;
  const svg = [
    scene.use,
    veil(laid, nowhere, 0.8),
    veil(laid, decoder, 0.45),
    hasGroups ? groups(laid, here) : isPruned ? frames(laid, end) : "",
  ].join("");
  return {
    svg,
    reached: new Set([
      ...(end.length > 0 ? ["end" as const] : []),
      ...(decoder.length > 0 ? ["decoder" as const] : []),
      ...(nowhere.length > 0 ? ["nowhere" as const] : []),
    ]),
    hasGroups,
  };
}

/** What the shades and lines of drawings mean. */
export function stageEntries(drawn: readonly DrawnStages[]): LegendEntry[] {
  const half = { x: -9, y: -9, width: 18, height: 18, fill: "#a6a6a6", stroke: COLOURS.ink, "stroke-width": 1 };
  const has = (wanted: Reached) => drawn.some(({ reached }) => reached.has(wanted));
  const isPruned = has("decoder") || has("nowhere");
  const hasGroups = drawn.some((one) => one.hasGroups);
  return [
    ...(hasGroups ? [{ symbol: mark("merged", [0, 0], 26), text: "tokens; lines lead to what they mix" }] : []),
    ...(has("end") && isPruned && !hasGroups ? [{ symbol: frameSymbol(), text: "in the last layer" }] : []),
    ...(has("decoder") ? [{ symbol: element("rect", half), text: "dropped in the decoder" }] : []),
    ...(has("nowhere") ? [{ symbol: darkSymbol(), text: "dropped before the decoder" }] : []),
  ];
}
