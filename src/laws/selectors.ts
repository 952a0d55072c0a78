import type { Grid } from "../core/grid.ts";
import type { AlignmentOptions } from "../methods/nuwa/alignment.ts";

/** A selection as the laws see it: from one score per patch to the kept patches, ascending. */
export type Selector = (scores: readonly number[], grid: Grid, options: AlignmentOptions) => number[];
