import { type Grid, patchCount } from "../core/grid.ts";
import type { Position } from "../core/slots.ts";

/**
 * What an image becomes, which in some families depends on its size: its grids, and where its tokens stand in an
 * unpruned prompt.
 */
export interface ImageShape {
  /** One or more. The cells of the first are counted in raster order, then those of the next: 0..N−1. */
  readonly grids: readonly Grid[];
  /** How many passes of the tower each grid was made by: budgets are shared out by them. */
  readonly tiles: readonly number[];
  /** E: visual tokens without a cell, which come first: 0, or 1 where a class token goes on as a visual token. */
  readonly extraTokens: number;
  /**
   * For each visual token, extra ones first and then the cells, its position ids less the id at which the image starts:
   * [E + N][R].
   */
  readonly offsets: readonly Position[];
  /** What stands between the tokens in an unpruned prompt, in order; it stays where tokens are pruned. */
  readonly separators: readonly Separator[];
  /** The text behind the image goes on at the id at which the image starts plus this. */
  readonly length: number;
}

/** A separator of an image, such as the newline behind each row of LLaVA-NeXT's local grid. */
export interface Separator {
  /** The cell that it stands behind; cells up to this one come first. */
  readonly after: number;
  /** Its position ids less the id at which the image starts, [R]. */
  readonly offset: Position;
}

/** Cells of all grids (N). */
export function cellCount({ grids }: Pick<ImageShape, "grids">): number {
  return grids.reduce((sum, grid) => sum + patchCount(grid), 0);
}

/** Visual tokens of an unpruned image (E + N). */
export function unprunedTokens(shape: Pick<ImageShape, "grids" | "extraTokens">): number {
  return shape.extraTokens + cellCount(shape);
}

/** Everything that an unpruned image takes of a prompt: visual tokens and separators. */
export function unprunedSlots(shape: Pick<ImageShape, "grids" | "extraTokens" | "separators">): number {
  return unprunedTokens(shape) + shape.separators.length;
}

/** The first cell of each grid. */
export function firstCells({ grids }: Pick<ImageShape, "grids">): number[] {
  return grids.map((_, i) => cellCount({ grids: grids.slice(0, i) }));
}

/** One grid whose tokens have consecutive ids on a single axis, in raster order. */
export function rasterShape(grid: Grid, extraTokens = 0): ImageShape {
  const tokens = extraTokens + patchCount(grid);
  const offsets = Array.from({ length: tokens }, (_, id) => [id]);
  return { grids: [grid], tiles: [1], extraTokens, offsets, separators: [], length: tokens };
}

/** Images with equal keys together, each group ascending. */
export function groupedBy(keys: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  keys.forEach((key, image) => {
    groups.set(key, [...(groups.get(key) ?? []), image]);
  });
  return [...groups.values()];
}
