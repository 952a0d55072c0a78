import { type Grid, patchCount } from "../../src/core/grid.ts";
import { best } from "../../src/core/ranking.ts";
import { type AlignmentOptions, alignAnchors } from "../../src/methods/nuwa/alignment.ts";

/**
 * A selection as the laws see it: from one score per patch to the kept patches, ascending. Methods are brought
 * into this form by method-selectors.ts.
 */
export type Selector = (scores: readonly number[], grid: Grid, options: AlignmentOptions) => number[];

/** Stage 1 of Nüwa: the real code. */
export const nuwaStage1: Selector = (scores, grid, options) => alignAnchors(scores, grid, options);

/** The k best patches of the whole grid. */
export const globalTopK: Selector = (scores, grid, { keep }) =>
  best([...Array(patchCount(grid)).keys()], scores, keep).sort((a, b) => a - b);
