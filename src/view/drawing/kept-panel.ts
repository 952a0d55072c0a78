import { patchCount } from "../../core/grid.ts";
import { cellsWhere, frames, mark, middleOf, regionBorders, veil } from "./cells.ts";
import { type DrawnGrid, laidOn, sideOf } from "./grid-panels.ts";
import { groups, type MadeOf, madeOf } from "./groups.ts";
import { type LegendEntry, legend } from "./legend.ts";
import { PANEL, type Panel } from "./panel.ts";
import { counted, markEntry, placelessEntries, shownTokens, tokenEntries } from "./shown-tokens.ts";
import { darkSymbol, regionSymbol } from "./symbols.ts";

/**
 * Which tokens enter a decoder layer: pillars and collectors by their marks, mixtures of cells as what they are made
 * of, others as their cells; the rest of the picture is dark.
 *
 * @param title what the layer is: "before the decoder"
 * @param where which other panels show mixtures that have no place in this one; undefined: none
 */
export function keptPanel(drawn: DrawnGrid, title: string, layer: number, where?: string): Panel {
  const { scene, grid, cellName, tokens, first } = drawn;
  // Regions are stage 1's.
  const regionSize = layer === 0 ? drawn.regionSize : undefined;
  const laid = laidOn(drawn);
  const shown = tokens.map(({ token }) => token).filter((one) => one.firstLayer <= layer && one.layers > layer);
  const here = madeOf(shown, { grid }, first);
  const owned = here.filter(({ own }) => own >= 0);
  // Those without a cell are counted once, with the first grid of their image.
  const placeless = first === 0 ? shown.filter(({ cell }) => cell < 0) : [];
  const hasRoles = owned.some(({ token }) => token.pillar !== undefined);
  const { grouped, asCells } = shownTokens(here, where !== undefined);
  const inGroups = grouped.length > 0;
  const lit = new Set([...asCells.map(({ own }) => own), ...grouped.flatMap(({ sources }) => [...sources.keys()])]);
  const dark = cellsWhere(grid, (cell) => !lit.has(cell));
  const framed = inGroups || dark.length > 0 ? asCells : [];
  const marks = hasRoles
    ? owned.map(({ own, token }) => mark(token.pillar ? "pillar" : "collector", middleOf(laid, own), sideOf(laid)))
    : [];
  const svg = [
    scene.use,
    veil(laid, dark),
    regionSize === undefined ? "" : regionBorders(laid, regionSize),
    groups(laid, grouped),
    frames(
      laid,
      framed.map(({ own }) => own),
    ),
    ...marks,
  ].join("");
  const entries = [
    ...(hasRoles ? roleEntries(owned) : tokenEntries(framed, grouped, cellName)),
    ...(dark.length > 0 ? [{ symbol: darkSymbol(), text: inGroups ? "in no token" : "not kept" }] : []),
    ...(regionSize === undefined ? [] : [{ symbol: regionSymbol(), text: `regions of ${regionSize}×${regionSize}` }]),
    ...placelessEntries(placeless, grouped, where),
  ];
  const count = owned.length + placeless.length;
  const kept = inGroups || placeless.length > 0 ? counted(count, "token") : count;
  return {
    title: `${title}: ${kept} of ${patchCount(grid)} ${cellName}`,
    body: { svg, height: scene.size.height },
    notes: [legend(entries, PANEL)],
  };
}

function roleEntries(owned: readonly MadeOf[]): LegendEntry[] {
  const pillars = owned.filter(({ token }) => token.pillar).length;
  const collectors = owned.length - pillars;
  return [
    ...(pillars > 0 ? [markEntry("pillar", `${counted(pillars, "pillar")}: only themselves`)] : []),
    ...(collectors > 0 ? [markEntry("collector", `${counted(collectors, "collector")}: with what lies around`)] : []),
  ];
}
