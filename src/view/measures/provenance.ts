import { provenance } from "../../analysis/provenance.ts";
import { patchCount } from "../../core/grid.ts";
import { gridLedgers } from "../../methods/ledger.ts";
import { heat } from "../plots/heat.ts";
import { stacked } from "../plots/panel.ts";
import { type MeasureRecord, type RecordFacts, rowsOf } from "./record.ts";

/** Which patches, with which weights, the visual tokens are made of, see `provenance`. */
export function provenanceRecord({ pass, gridNames }: RecordFacts): MeasureRecord {
  const { ledger } = pass;
  const grids = gridLedgers(ledger).map(({ grid }) => grid);
  const sources = ledger.tokens.map((token, number) =>
    token.layers > token.firstLayer ? provenance(ledger, number, token.firstLayer) : [],
  );
  const starts = grids.map((_, i) => grids.slice(0, i).reduce((sum, grid) => sum + patchCount(grid), 0));
  const total = grids.reduce((sum, grid) => sum + patchCount(grid), 0);
  const weights = sources.map((own) => {
    const row = new Float32Array(total);
    for (const { grid, cell, weight } of own) row[starts[grid] + cell] = weight;
    return row;
  });
  const carried = grids.map((grid, g) =>
    Array.from({ length: patchCount(grid) }, (_, cell) =>
      weights.reduce((sum, row) => sum + Math.abs(row[starts[g] + cell]), 0),
    ),
  );
  return {
    entries: [["provenance.weights", rowsOf(weights)]],
    json: ledger.tokens.map(({ cell, firstLayer, layers, pillar }, token) => ({
      token,
      cell,
      pillar,
      entersLayers: [firstLayer, layers - 1],
      sources: sources[token],
    })),
    figure: {
      title: "provenance",
      caption:
        "How much of each patch is inside the visual tokens, by the weights of pruning: the sum over all tokens. " +
        "1 is a patch that stands for itself, 0 one that is in no token. What attention carries is not counted.",
      svg: () =>
        stacked(
          grids.map((grid, g) =>
            heat(gridNames[g] || "patches", {
              columns: new Array(grid.columns).fill(""),
              rows: new Array(grid.rows).fill(""),
              values: Array.from({ length: grid.rows }, (_, row) =>
                carried[g].slice(row * grid.columns, (row + 1) * grid.columns),
              ),
              unit: "sum of weights",
              cell: { width: 24, height: 24 },
            }),
          ),
        ),
    },
  };
}
