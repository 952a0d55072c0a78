import { lines } from "../plots/lines.ts";
import { stacked } from "../plots/panel.ts";
import { listOf, type MeasureRecord, named, type RecordFacts, rounded } from "./record.ts";

/** Patches of high norm among those most attended, see `normOverlap`. */
export function normsRecord(found: readonly Float32Array[], { gridNames }: RecordFacts): MeasureRecord {
  return {
    entries: found.map((share, grid) => [named("norms.overlap", grid), listOf(share)] as const),
    json: found.map((share, i) => ({ grid: gridNames[i] || undefined, overlapOfStates: rounded(share) })),
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
            { x: "state", y: "share", references: [{ name: "chance", value: 0.05 }] },
          ),
        ]),
    },
  };
}
