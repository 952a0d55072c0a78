import { patchCount } from "../../src/core/grid.ts";
import { best } from "../../src/core/ranking.ts";
import type { Selector } from "../../src/laws/selectors.ts";
import { alignAnchors } from "../../src/methods/nuwa/alignment.ts";

export type { Selector } from "../../src/laws/selectors.ts";

/** Stage 1 of Nüwa: the real code. */
export const nuwaStage1: Selector = (scores, grid, options) => alignAnchors(scores, grid, options);

/** The k best patches of the whole grid. */
export const globalTopK: Selector = (scores, grid, { keep }) =>
  best([...Array(patchCount(grid)).keys()], scores, keep).sort((a, b) => a - b);
