import { UsageError } from "../core/errors.ts";
import { type Grid, patchCount, requirePatch } from "../core/grid.ts";
import { regionsOf } from "../methods/nuwa/separation.ts";

/** How well a selection covers a grid. Distances are Euclidean, in grid units (1 = one patch). */
export interface Coverage {
  /** Regions that hold at least one anchor. */
  readonly coveredRegions: number;
  /** All regions of the grid. */
  readonly regions: number;
  /** Covering radius: the largest distance from a patch to its nearest anchor. */
  readonly radius: number;
  /** Mean distance from a patch to its nearest anchor. */
  readonly meanDistance: number;
  /** Star discrepancy in [0, 1], see {@link starDiscrepancy}. */
  readonly discrepancy: number;
  /** The most consecutive rows without an anchor. */
  readonly rowGap: number;
  /** The most consecutive columns without an anchor. */
  readonly columnGap: number;
}

/**
 * Measures the coverage of any selection on any grid. The numbers are exact, up to the rounding of one
 * square root per patch.
 *
 * @param anchors kept patches, raster indices in any order
 * @param regionSize side of a region in patches
 * @throws UsageError when rows, columns or the region size are not positive integers, there is no anchor, or one is
 *   not a patch of the grid or stands twice
 */
export function coverageOf(anchors: readonly number[], grid: Grid, regionSize: number): Coverage {
  const kept = marked(anchors, grid);
  const regions = regionsOf(grid, regionSize);
  const squares = nearestSquaredDistances(anchors, grid);
  return {
    coveredRegions: regions.filter((region) => region.some((p) => kept[p] === 1)).length,
    regions: regions.length,
    radius: Math.sqrt(squares.reduce((a, b) => Math.max(a, b), 0)),
    meanDistance: squares.reduce((sum, square) => sum + Math.sqrt(square), 0) / squares.length,
    discrepancy: starDiscrepancy(anchors, grid),
    rowGap: longestGap(anchors, grid.rows, (p) => Math.floor(p / grid.columns)),
    columnGap: longestGap(anchors, grid.columns, (p) => p % grid.columns),
  };
}

/**
 * Squared distance of every patch to its nearest anchor, [N], in raster order. Squares are integers,
 * and therefore exact.
 *
 * @throws UsageError as {@link coverageOf}
 */
export function nearestSquaredDistances(anchors: readonly number[], grid: Grid): number[] {
  const kept = marked(anchors, grid);
  const { rows, columns } = grid;
  // Two passes: first along each column, then along each row, since (Δy)² + (Δx)² separates.
  const vertical = new Float64Array(rows * columns).fill(Number.POSITIVE_INFINITY);
  for (let column = 0; column < columns; column++) {
    for (const order of [1, -1]) {
      let distance = Number.POSITIVE_INFINITY;
      for (let step = 0; step < rows; step++) {
        const p = (order === 1 ? step : rows - 1 - step) * columns + column;
        distance = kept[p] === 1 ? 0 : distance + 1;
        vertical[p] = Math.min(vertical[p], distance);
      }
    }
  }
  return Array.from({ length: rows * columns }, (_, p) => {
    const [start, column] = [p - (p % columns), p % columns];
    let nearest = Number.POSITIVE_INFINITY;
    for (let other = 0; other < columns; other++)
      nearest = Math.min(nearest, vertical[start + other] ** 2 + (column - other) ** 2);
    return nearest;
  });
}

/**
 * The star discrepancy on the grid (Niederreiter, "Random Number Generation and Quasi-Monte Carlo
 * Methods", 1992, chapter 2): over all boxes of patches [0, y) × [0, x) that start in the upper left
 * corner, the largest difference between the box's share of the anchors and its share of the patches.
 * 0: every such box has its share. At most 4 times this value is reached by boxes that start elsewhere.
 *
 * @throws UsageError as {@link coverageOf}
 */
export function starDiscrepancy(anchors: readonly number[], grid: Grid): number {
  const kept = marked(anchors, grid);
  const { rows, columns } = grid;
  const total = patchCount(grid);
  const above = new Int32Array(columns + 1); // anchors in the rows so far, left of column x
  let worst = 0;
  for (let y = 1; y <= rows; y++) {
    let inRow = 0;
    for (let x = 1; x <= columns; x++) {
      inRow += kept[(y - 1) * columns + x - 1];
      above[x] += inRow;
      // Integers, so that the only rounding is the division at the end.
      worst = Math.max(worst, Math.abs(above[x] * total - x * y * anchors.length));
    }
  }
  return worst / (total * anchors.length);
}

/** The most consecutive lines (rows or columns) without an anchor. */
function longestGap(anchors: readonly number[], lines: number, lineOf: (p: number) => number): number {
  const taken = new Set(anchors.map(lineOf));
  let [gap, longest] = [0, 0];
  for (let line = 0; line < lines; line++) {
    gap = taken.has(line) ? 0 : gap + 1;
    longest = Math.max(longest, gap);
  }
  return longest;
}

/** 1 where an anchor stands, 0 elsewhere, [N]. */
function marked(anchors: readonly number[], grid: Grid): Uint8Array {
  const total = patchCount(grid);
  if (anchors.length === 0) throw new UsageError("coverage needs at least one anchor; the selection is empty.");
  const kept = new Uint8Array(total);
  for (const p of anchors) {
    requirePatch("anchor", p, total);
    if (kept[p] === 1) throw new UsageError(`anchor ${p} stands twice in the selection. Give each patch once.`);
    kept[p] = 1;
  }
  return kept;
}
