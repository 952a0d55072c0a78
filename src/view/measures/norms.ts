import { topCount } from "../../analysis/norms.ts";
import { patchCount } from "../../core/grid.ts";
import { lines } from "../plots/lines.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, named, type RecordFacts, rounded } from "./record.ts";

/** Patches of high norm among those most attended, see `normOverlap`. */
export function normsRecord(found: readonly Float32Array[], { pass, gridNames }: RecordFacts): MeasureRecord {
  // Of k patches of N a random choice of k has k/N; k is the whole number next to N/20.
  const chances = pass.ledger.images[0].grids.map((grid) => topCount(patchCount(grid)) / patchCount(grid));
  return {
    entries: found.map((share, grid) => [named("norms.overlap", grid), listOf(share)] as const),
    json: found.map((share, i) => ({
      grid: gridNames[i] || undefined,
      chance: chances[i],
      overlapOfStates: rounded(share),
    })),
    figure: {
      title: "high norms and attention",
      caption:
        "Of the twentieth of the patches with the largest norm, the share that is also among the twentieth with the " +
        "most attention. Dashed: what a random choice has.",
      svg: () =>
        stacked([
          lines(
            "vision tower",
            found.map((values, i) => ({ name: gridNames[i] || "overlap", values: [...values] })),
            { x: "state", y: "share", references: [...new Set(chances)].map((value) => ({ name: "chance", value })) },
          ),
        ]),
    },
  };
}
