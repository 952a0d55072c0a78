import { UsageError } from "../errors.ts";

/** A grid of patches in raster order: patch p stands at row ⌊p/columns⌋, column p mod columns. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Number of patches. */
export function patchCount({ rows, columns }: Grid): number {
  return rows * columns;
}

/**
 * Squared Euclidean distance between two patches, in grid units. Squares stay integers, so that
 * distances can be compared exactly.
 */
export function squaredDistance({ columns }: Grid, p: number, q: number): number {
  const rows = Math.floor(p / columns) - Math.floor(q / columns);
  const across = (p % columns) - (q % columns);
  return rows * rows + across * across;
}

/** The largest squared distance in a grid, between opposite corners: (H−1)² + (W−1)². */
export function largestSquaredDistance({ rows, columns }: Grid): number {
  return (rows - 1) ** 2 + (columns - 1) ** 2;
}

/**
 * **Separation** (paper, section 3.1, step 1): cuts the grid into regions of `side`×`side` patches, in
 * raster order; the patches of each region ascend. Where `side` does not divide the grid, the regions
 * at the right and lower edge are smaller.
 *
 * @throws UsageError when `side` is not a positive integer
 */
export function regionsOf({ rows, columns }: Grid, side: number): number[][] {
  if (!Number.isInteger(side) || side < 1) throw new UsageError(`region size ${side} is not a positive integer.`);
  const across = Math.ceil(columns / side);
  const regions: number[][] = Array.from({ length: Math.ceil(rows / side) * across }, () => []);
  for (let p = 0; p < rows * columns; p++) {
    const row = Math.floor(p / columns);
    const column = p % columns;
    regions[Math.floor(row / side) * across + Math.floor(column / side)].push(p);
  }
  return regions;
}
