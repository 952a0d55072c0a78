import type { Grid } from "../../core/grid.ts";
import type { ScoreKind } from "./scores.ts";

/** Everything that a law about a selection may need. */
export interface SelectionCase {
  readonly grid: Grid;
  readonly regionSize: number;
  readonly keep: number;
  readonly kind: ScoreKind;
  readonly scores: number[];
  /** For laws that single out a patch: any natural number. */
  readonly pick: number;
}
