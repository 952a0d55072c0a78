import { padded, type Slot } from "../../src/model/sequence.ts";
import { type AlignmentOptions, alignAnchors } from "../../src/pruning/alignment.ts";
import { type Grid, patchCount } from "../../src/pruning/grid.ts";
import { best } from "../../src/pruning/ranking.ts";
import { keepBest } from "../../src/pruning/textguided.ts";

/**
 * A selection as the laws see it: from one score per patch to the kept patches, ascending. A peer method
 * joins the table of laws by being written in this form.
 */
export type Selector = (scores: readonly number[], grid: Grid, options: AlignmentOptions) => number[];

/** Stage 1 of Nüwa: the real code. */
export const nuwaStage1: Selector = (scores, grid, options) => alignAnchors(scores, grid, options);

/** The k best patches of the whole grid. */
export const globalTopK: Selector = (scores, grid, { keep }) =>
  best([...Array(patchCount(grid)).keys()], scores, keep).sort((a, b) => a - b);

/**
 * As VisionZip selects (arXiv 2412.04467): the dominant patches are the best by class attention; a share
 * of 10 in 64 is contextual, evenly spaced over what is left in raster order.
 */
export const visionZipLike: Selector = (scores, grid, { keep }) => {
  const contextual = Math.round((keep * 10) / 64);
  const order = best([...Array(patchCount(grid)).keys()], scores, patchCount(grid));
  const left = order.slice(keep - contextual).sort((a, b) => a - b);
  const step = Math.max(1, Math.floor(left.length / Math.max(1, contextual)));
  const spread = Array.from({ length: contextual }, (_, i) => left[i * step]);
  return [...order.slice(0, keep - contextual), ...spread].sort((a, b) => a - b);
};

/**
 * As FastV selects (arXiv 2403.06764): all patches enter the decoder, and those that a text token attends
 * to most stay. Here by the ranking of the second stage, with the image between two text tokens.
 */
export const fastVLike: Selector = (scores, grid, { keep }) => {
  const text = (position: number): Slot => ({ kind: "text", id: 1, position });
  const visual = Array.from(
    { length: patchCount(grid) },
    (_, row): Slot => ({ kind: "visual", row, cell: row, position: row + 1 }),
  );
  const sequence = padded([[text(0), ...visual, text(visual.length + 1)]]);
  return keepBest(Float32Array.from([0, ...scores, 0]), sequence, keep)[0];
};

/** The rows of the table "who keeps which law" in docs/invariants.md. */
export const SELECTORS: Readonly<Record<string, Selector>> = {
  "Nüwa, stage 1": nuwaStage1,
  "global top-k": globalTopK,
  "VisionZip-like": visionZipLike,
  "FastV-like": fastVLike,
};
