import type { LogitLens } from "../../analysis/lens.ts";
import { type Grid, patchCount } from "../../core/grid.ts";
import { gridLedgers } from "../../methods/ledger.ts";
import { heat } from "../plots/heat.ts";
import { lines } from "../plots/lines.ts";
import { type Panel, stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, type RecordFacts, rounded, rowsOf } from "./record.ts";

/** What each visual token would say at each state, see `logitLens`. */
export function lensRecord({ top, probability, lastRank }: LogitLens, facts: RecordFacts): MeasureRecord {
  const states = Int32Array.from(top.keys());
  const { wordOf, pass } = facts;
  return {
    entries: [
      ["llm.logit_lens.layers", listOf(states)],
      [
        "llm.logit_lens.top",
        { shape: [top.length, top[0].length], values: Int32Array.from(top.flatMap((row) => [...row])) },
      ],
      ["llm.logit_lens.value", rowsOf(probability)],
      ["llm.logit_lens.last", listOf(lastRank)],
    ],
    json: {
      nextToken: wordOf(pass.token),
      rankOfNextTokenAtLastPosition: [...lastRank],
      cellsOfTokens: pass.ledger.tokens.map(({ cell }) => cell),
      states: top.map((ids, state) => ({
        words: Array.from(ids, (id) => (id < 0 ? null : wordOf(id))),
        probabilities: rounded(probability[state]),
      })),
    },
    figure: {
      title: "logit lens",
      caption:
        "The word that the head of the model reads in each visual token, at four states of the decoder; colour: its " +
        "probability. Grey cells have no token there. Below: how many words beat the next token at the last position " +
        "(0: none), plotted as rank + 1.",
      svg: () => stacked([...wordPanels({ top, probability }, facts), rankPanel(lastRank, wordOf(pass.token))]),
    },
  };
}

const CELL = { width: 50, height: 18 };

/** The words of some states on each grid. */
function wordPanels(
  { top, probability }: Pick<LogitLens, "top" | "probability">,
  { pass, wordOf, gridNames }: RecordFacts,
): Panel[] {
  const last = top.length - 1;
  const shown = [...new Set([0, last / 3, (2 * last) / 3, last].map(Math.round))];
  const rowOf = new Map(pass.ledger.tokens.map((token, row) => [token, row]));
  return gridLedgers(pass.ledger).flatMap(({ grid, tokens }, g) =>
    shown.map((state) => {
      const onGrid = <T>(of: (row: number) => T, absent: T): T[][] =>
        gridRows(grid, (cell) => {
          const token = tokens.get(cell);
          const row = token && rowOf.get(token);
          return row === undefined || top[state][row] < 0 ? absent : of(row);
        });
      const name = gridNames[g] ? `${gridNames[g]}, ` : "";
      return heat(`${name}state ${state} of ${last}`, {
        columns: new Array(grid.columns).fill(""),
        rows: new Array(grid.rows).fill(""),
        values: onGrid((row) => probability[state][row], Number.NaN),
        words: onGrid((row) => wordOf(top[state][row]), ""),
        unit: "probability",
        cell: CELL,
      });
    }),
  );
}

function gridRows<T>(grid: Grid, of: (cell: number) => T): T[][] {
  const cells = Array.from({ length: patchCount(grid) }, (_, cell) => of(cell));
  return Array.from({ length: grid.rows }, (_, row) => cells.slice(row * grid.columns, (row + 1) * grid.columns));
}

function rankPanel(lastRank: Int32Array, word: string): Panel {
  return lines(
    `the last token: rank of “${word}”, the next token`,
    [{ name: "rank", values: Array.from(lastRank, (rank) => rank + 1) }],
    { x: "state", y: "rank + 1", logarithmic: true },
  );
}
