import { patchCount } from "../../core/grid.ts";
import type { VisualToken } from "../../methods/ledger.ts";
import { cellsWhere, frames, type Mark, mark, middleOf, regionBorders, veil } from "./cells.ts";
import { type DrawnGrid, darkSymbol, frameSymbol, laidOn, regionSymbol, sideOf } from "./grid-panels.ts";
import { areDisjoint, groups, isMixed, kindOf, type MadeOf, madeOf } from "./groups.ts";
import { type LegendEntry, legend } from "./legend.ts";
import { PANEL, type Panel } from "./panel.ts";

/**
 * Which tokens enter a decoder layer: pillars and collectors by their marks, mixtures of cells as what they are made
 * of, others as their cells; the rest of the picture is dark.
 *
 * @param title what the layer is: "before the decoder"
 */
export function keptPanel(drawn: DrawnGrid, title: string, layer: number): Panel {
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
  const inGroups = !hasRoles && here.some(isMixed) && areDisjoint(here);
  const lit = new Set(here.flatMap(({ own, sources }) => (inGroups ? [...sources.keys()] : [own])));
  const dark = cellsWhere(grid, (cell) => !lit.has(cell));
  const alone = inGroups ? owned.filter((one) => !isMixed(one)).map(({ own }) => own) : [];
  const framed = inGroups ? alone : dark.length > 0 ? owned.map(({ own }) => own) : [];
  const marks = hasRoles
    ? owned.map(({ own, token }) => mark(token.pillar ? "pillar" : "collector", middleOf(laid, own), sideOf(laid)))
    : [];
  const svg = [
    scene.use,
    veil(laid, dark),
    regionSize === undefined ? "" : regionBorders(laid, regionSize),
    inGroups ? groups(laid, here) : "",
    frames(laid, framed),
    ...marks,
  ].join("");
  const entries = [
    ...(hasRoles
      ? roleEntries(owned)
      : inGroups
        ? groupEntries(here, alone.length, cellName)
        : cellEntries(owned, framed, cellName)),
    ...(dark.length > 0 ? [{ symbol: darkSymbol(), text: inGroups ? "in no token" : "not kept" }] : []),
    ...(regionSize === undefined ? [] : [{ symbol: regionSymbol(), text: `regions of ${regionSize}×${regionSize}` }]),
    ...placelessEntries(placeless, inGroups),
  ];
  return {
    title: `${title}: ${owned.length + placeless.length} of ${patchCount(grid)} ${cellName}`,
    body: { svg, height: scene.size.height },
    notes: [legend(entries, PANEL)],
  };
}

function entry(kind: Mark, text: string): LegendEntry {
  return { symbol: mark(kind, [0, 0], 26), text };
}

function roleEntries(owned: readonly MadeOf[]): LegendEntry[] {
  const pillars = owned.filter(({ token }) => token.pillar).length;
  const collectors = owned.length - pillars;
  return [
    ...(pillars > 0 ? [entry("pillar", `${counted(pillars, "pillar")}: only themselves`)] : []),
    ...(collectors > 0 ? [entry("collector", `${counted(collectors, "collector")}: with what lies around`)] : []),
  ];
}

function groupEntries(here: readonly MadeOf[], alone: number, cellName: string): LegendEntry[] {
  const single = alone > 0 ? [{ symbol: frameSymbol(), text: `${alone} of the ${cellName} kept as they are` }] : [];
  const made = (["merged", "recycled"] as const).flatMap((kind) => {
    const count = here.filter((one) => isMixed(one) && kindOf(one) === kind).length;
    const words = kind === "merged" ? `made of several ${cellName}` : "made anew of dropped ones";
    return count > 0 ? [entry(kind, `${counted(count, "token")} ${words}, to which lines lead`)] : [];
  });
  return [...single, ...made];
}

function cellEntries(owned: readonly MadeOf[], framed: readonly number[], cellName: string): LegendEntry[] {
  const mixed = owned.filter(isMixed).length;
  const words = mixed > 0 ? `kept, ${mixed} of them mixed with other ${cellName}` : "kept";
  return framed.length > 0 ? [{ symbol: frameSymbol(), text: words }] : [];
}

/** @param areDrawn those made of cells are among the groups */
function placelessEntries(tokens: readonly VisualToken[], areDrawn: boolean): LegendEntry[] {
  const isBare = ({ weights }: VisualToken) => !weights?.some((weight) => weight > 0);
  const bare = tokens.filter(isBare).length;
  const mixed = areDrawn ? 0 : tokens.length - bare;
  return [
    ...(bare > 0 ? [entry("own", `${counted(bare, "class token")}: has no place, not drawn here`)] : []),
    ...(mixed > 0 ? [entry("merged", `${counted(mixed, "token")} made of many: has no place, not drawn here`)] : []),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
