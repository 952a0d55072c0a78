import { provenance, type Source } from "../../analysis/provenance.ts";
import { UsageError } from "../../core/errors.ts";
import { type Grid, patchCount } from "../../core/grid.ts";
import type { SampleLedger, VisualToken } from "../../methods/ledger.ts";
import { firstCells } from "../../model/image-shape.ts";
import { shortNumber } from "../drawing/legend.ts";
import { type HeatOptions, heat } from "../plots/heat.ts";
import { stacked } from "../plots/panel.ts";
import { type MeasureRecord, type RecordFacts, rowsOf } from "./record.ts";

/** A visual token, by its number in the ledger, and the decoder layer before which it is looked at. */
export interface TokenAtLayer {
  readonly number: number;
  readonly layer: number;
}

/** Which patches, with which weights, the visual tokens are made of, see `provenance`. */
export function provenanceRecord({ pass: { ledger }, gridNames }: RecordFacts): MeasureRecord {
  const sources = ledger.tokens.map((token, number) =>
    token.layers > token.firstLayer ? provenance(ledger, number, token.firstLayer) : [],
  );
  const weights = sources.map((own) => weightsOf(own, ledger));
  const carried = weights[0].map((_, cell) => weights.reduce((sum, row) => sum + Math.abs(row[cell]), 0));
  return {
    entries: [["provenance.weights", rowsOf(weights)]],
    json: ledger.tokens.map((token, number) => ({ ...factsOf(token, number), sources: sources[number] })),
    figure: {
      title: "provenance",
      caption:
        "How much of each patch is inside the visual tokens, by the weights of pruning: the sum over all tokens, " +
        "those that are dropped later too. 1 is a patch that stands for itself, 0 one that is in no token. What " +
        "attention carries is not counted. --token NUMBER --layer NUMBER shows one token.",
      svg: () =>
        drawn("all tokens together", [...carried], { unit: "sum of weights over all tokens" }, ledger, gridNames),
    },
  };
}

/**
 * Which patches, with which weights, one token is made of, see `provenance`.
 *
 * @throws UsageError when there is no such token, or not before that layer
 */
export function tokenRecord({ number, layer }: TokenAtLayer, facts: RecordFacts): MeasureRecord {
  const { ledger } = facts.pass;
  const sources = sourcesOf(ledger, number, layer);
  const weights = weightsOf(sources, ledger);
  const name = `token ${number} before layer ${layer}`;
  return {
    entries: [["provenance.weights", rowsOf([weights])]],
    json: [{ ...factsOf(ledger.tokens[number], number), beforeLayer: layer, sources }],
    figure: {
      title: `provenance of ${name}`,
      caption:
        `${inWords(sources, facts)} Grey: not in it. These are the weights of pruning; what attention carries is ` +
        "not counted.",
      svg: () => {
        const shown = Array.from(weights, (weight) => weight || Number.NaN);
        // A token's own patch may have a hundred times the weight of the others.
        const scale = { unit: `weight in token ${number}, logarithmic`, logarithmic: true };
        return drawn(name, shown, scale, ledger, facts.gridNames);
      },
    },
  };
}

function sourcesOf(ledger: SampleLedger, number: number, layer: number): Source[] {
  try {
    return provenance(ledger, number, layer);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`--token ${number} --layer ${layer}: ${error.message}`);
  }
}

/** Sources that are named in a caption. */
const NAMED = 3;

/** "25 patches; most of row 3, column 4 (0.5), …", counted from 1. */
function inWords(sources: readonly Source[], { pass, gridNames }: RecordFacts): string {
  if (sources.length === 0) return "No patch was mixed into it: a token without a cell, such as the class token.";
  const { grids } = pass.ledger.images[0];
  const named = sources.slice(0, NAMED).map(({ grid, cell, weight }) => {
    const { columns } = grids[grid];
    const place = `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;
    return `${gridNames[grid] ? `${gridNames[grid]}, ` : ""}${place} (${shortNumber(weight)})`;
  });
  const count = `${sources.length} ${sources.length === 1 ? "patch" : "patches"}`;
  return `Made of ${count}: ${named.join("; ")}${sources.length > NAMED ? "; …" : ""}.`;
}

function factsOf({ cell, firstLayer, layers, pillar }: VisualToken, token: number) {
  return { token, cell, pillar, entersLayers: [firstLayer, layers - 1] };
}

/** The weight of each cell of all grids. */
function weightsOf(sources: readonly Source[], ledger: SampleLedger): Float32Array {
  const { grids } = ledger.images[0];
  const starts = firstCells({ grids });
  const row = new Float32Array(grids.reduce((sum, grid) => sum + patchCount(grid), 0));
  for (const { grid, cell, weight } of sources) row[starts[grid] + cell] = weight;
  return row;
}

/** A value for each cell on its grid. */
function drawn(
  what: string,
  values: readonly number[],
  scale: Pick<HeatOptions, "unit" | "logarithmic">,
  ledger: SampleLedger,
  gridNames: readonly string[],
): string {
  const { grids } = ledger.images[0];
  const starts = firstCells({ grids });
  return stacked(
    grids.map((grid, g) =>
      heat(`${gridNames[g] || "patches"}, ${what}`, {
        columns: new Array(grid.columns).fill(""),
        rows: new Array(grid.rows).fill(""),
        values: rowsOn(grid, values.slice(starts[g])),
        ...scale,
        cell: { width: 24, height: 24 },
      }),
    ),
  );
}

function rowsOn({ rows, columns }: Grid, values: readonly number[]): number[][] {
  return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}
