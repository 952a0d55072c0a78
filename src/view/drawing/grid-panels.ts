import { type Grid, patchCount } from "../../core/grid.ts";
import type { VisualToken } from "../../methods/ledger.ts";
import type { CutScores } from "../cut-scores.ts";
import { cellsWhere, heatCells, type LaidGrid, mark, middleOf, veil } from "./cells.ts";
import { gathered, isMixed, madeOf } from "./groups.ts";
import { heatScale, type LegendEntry, legend, shortNumber } from "./legend.ts";
import { PANEL, type Panel } from "./panel.ts";
import type { Scene } from "./scene.ts";
import { darkSymbol, heatSymbol } from "./symbols.ts";
import { FONT, paragraph } from "./text.ts";

/** One grid of an image of a run, as its panels show it. */
export interface DrawnGrid {
  readonly scene: Scene;
  readonly grid: Grid;
  /** Where its cells begin among those of the image. */
  readonly first: number;
  /** What its cells are called: "patches". */
  readonly cellName: string;
  /** The tokens of its image, with their numbers in the ledger. */
  readonly tokens: readonly NumberedToken[];
  /** Side of the method's regions in cells; undefined where it has none. */
  readonly regionSize: number | undefined;
  /** Before the ids of what its panels define. */
  readonly idPrefix: string;
}

/** A token and its number in the ledger. */
export interface NumberedToken {
  readonly number: number;
  readonly token: VisualToken;
}

/** The grid where the scene's cells are. */
export function laidOn({ grid, scene }: Pick<DrawnGrid, "grid" | "scene">): LaidGrid {
  return { grid, size: scene.inCells };
}

/** The shorter side of a cell. */
export function sideOf({ grid, size }: LaidGrid): number {
  return Math.min(size.width / grid.columns, size.height / grid.rows);
}

/** A panel about one token. */
export interface Gathered {
  /** Its number in the ledger. */
  readonly token: number;
  readonly panel: Panel;
}

/**
 * What a token has gathered: the weights of the cells that it is made of. It is the token that is asked for or, unless
 * that is given, the one that gathered most, by the sum of the weights of cells other than its own; a collector where
 * there are roles.
 *
 * @param wanted its number in the ledger
 * @returns undefined when no token, or not the wanted one, is a mixture of this grid's cells
 */
export function gatheredPanel(drawn: DrawnGrid, wanted?: number): Gathered | undefined {
  const { scene, grid, first, tokens, idPrefix } = drawn;
  const entered = tokens.filter(({ number, token }) =>
    wanted === undefined ? token.firstLayer === 0 : number === wanted,
  );
  const mixed = entered.flatMap(({ number, token }) =>
    madeOf([token], { grid }, first).flatMap((one) => (isMixed(one) ? [{ number, ...one }] : [])),
  );
  if (mixed.length === 0) return undefined;
  const most = mixed.reduce((best, one) => (gathered(one) > gathered(best) ? one : best));
  const laid = laidOn(drawn);
  // A token's own weight is often a hundred times the others', which would all look alike beside it.
  const others = new Map([...most.sources].filter(([cell]) => cell !== most.own));
  const largest = [...others.values()].reduce((top, value) => Math.max(top, value));
  const dark = cellsWhere(grid, (cell) => !most.sources.has(cell));
  const kind = most.token.pillar === false ? "collector" : "token";
  const reason = wanted === undefined && mixed.length > 1 ? ` None of the ${mixed.length} such gathered more.` : "";
  const own = most.own < 0 ? "" : mark("own", middleOf(laid, most.own), sideOf(laid));
  const ownWeight = shortNumber(most.sources.get(most.own) ?? 0);
  const row = `row ${Math.floor(most.own / grid.columns) + 1}, column ${(most.own % grid.columns) + 1}`;
  const entries: LegendEntry[] =
    most.own < 0 ? [] : [{ symbol: mark("own", [0, 0], 26), text: `itself (${row}), weight ${ownWeight}` }];
  const panel = {
    title: `What ${kind} ${most.number} is made of`,
    body: {
      svg: scene.use + veil(laid, dark, 0.6) + heatCells(laid, others, (weight) => weight / largest) + own,
      height: scene.size.height,
    },
    notes: [
      heatScale(`${idPrefix}weights-${most.number}`, 0, largest, PANEL),
      paragraph(`Colour: weight.${reason}${most.own < 0 ? " It has no place of its own." : ""}`, {
        width: PANEL,
        size: FONT.small,
      }),
      legend(entries, PANEL),
    ],
  };
  return { token: most.number, panel };
}

/** What a cut scored, and what it kept. */
export function scorePanel(drawn: DrawnGrid, { layer, scores }: CutScores): Panel {
  const { scene, grid, first, tokens, idPrefix } = drawn;
  const laid = laidOn(drawn);
  const scored = tokens.filter(({ number }) => scores.has(number));
  const all = scored.map(({ number }) => scores.get(number) as number);
  const least = all.reduce((low, value) => Math.min(low, value), all[0] ?? 0);
  const largest = all.reduce((top, value) => Math.max(top, value), all[0] ?? 0);
  // Attention differs by powers of ten, which a linear scale shows as all or nothing.
  const isLogarithmic = least > 0 && largest / least > 30;
  const shareOf = isLogarithmic
    ? (score: number) => Math.log(score / least) / Math.log(largest / least)
    : (score: number) => (largest === least ? 1 : (score - least) / (largest - least));
  const here = scored
    .map(({ number, token }) => ({ cell: token.cell - first, score: scores.get(number) as number, token }))
    .filter(({ cell }) => cell >= 0 && cell < patchCount(grid));
  const values = new Map(here.map(({ cell, score }) => [cell, score]));
  const stays = here.filter(({ token }) => token.layers > layer);
  const others = scored.filter(({ token }) => token.cell < 0);
  const entries: LegendEntry[] = [
    { symbol: mark("stays", [0, 0], 26), text: `${stays.length} of ${here.length} stay` },
    ...(here.length < patchCount(grid) ? [{ symbol: darkSymbol(), text: "not there any more" }] : []),
  ];
  // A scale from a number to itself would say nothing.
  const single =
    least < largest || all.length === 0
      ? []
      : [{ symbol: heatSymbol(1), text: `${all.length === 1 ? "its score" : "all scores"}: ${shortNumber(least)}` }];
  const placeless =
    others.length === 0 || first > 0
      ? []
      : [
          paragraph(
            `${others.length} without a place: ${rangeOf(others.map(({ number }) => scores.get(number) as number))}`,
            { width: PANEL, size: FONT.small },
          ),
        ];
  return {
    title: `Scores of the cut before layer ${layer}`,
    body: {
      svg:
        scene.use +
        veil(
          laid,
          cellsWhere(grid, (cell) => !values.has(cell)),
        ) +
        heatCells(laid, values, shareOf) +
        stays.map(({ cell }) => mark("stays", middleOf(laid, cell), sideOf(laid))).join(""),
      height: scene.size.height,
    },
    notes: [
      ...(least < largest
        ? [heatScale(`${idPrefix}scores-${layer}`, least, largest, PANEL, isLogarithmic ? "logarithmic" : "")]
        : []),
      legend([...single, ...entries], PANEL),
      ...placeless,
    ],
  };
}

function rangeOf(values: readonly number[]): string {
  const [least, largest] = [Math.min(...values), Math.max(...values)];
  return least === largest ? shortNumber(least) : `${shortNumber(least)} to ${shortNumber(largest)}`;
}
