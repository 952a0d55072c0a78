import { UsageError } from "./errors.ts";

/** A grid of patches in raster order: patch p stands at row ⌊p/columns⌋, column p mod columns. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Refuses what is no grid. @throws UsageError naming the size that is not a positive integer */
function requireGrid({ rows, columns }: Grid): void {
  for (const [name, size] of [
    ["rows", rows],
    ["columns", columns],
  ] as const)
    if (!Number.isInteger(size) || size < 1)
      throw new UsageError(`a grid cannot have ${size} ${name}; ${name} must be a positive integer.`);
}

/** Number of patches. @throws UsageError when rows or columns are not positive integers */
export function patchCount(grid: Grid): number {
  requireGrid(grid);
  return grid.rows * grid.columns;
}

/**
 * Refuses what is no patch of a grid.
 *
 * @param what named in the error
 * @param total patches of the grid
 * @throws UsageError when `p` is not an integer in 0..total−1
 */
export function requirePatch(what: string, p: number, total: number): void {
  if (!Number.isInteger(p) || p < 0 || p >= total)
    throw new UsageError(`${what} ${p} is not one of the ${total} patches 0..${total - 1}.`);
}

/**
 * Squared Euclidean distance between two patches, in grid units. Squares stay integers, so that
 * distances can be compared exactly.
 *
 * @throws UsageError when the grid is none, or `p` or `q` is not one of its patches
 */
export function squaredDistance(grid: Grid, p: number, q: number): number {
  const total = patchCount(grid);
  requirePatch("patch", p, total);
  requirePatch("patch", q, total);
  const { columns } = grid;
  const rows = Math.floor(p / columns) - Math.floor(q / columns);
  const across = (p % columns) - (q % columns);
  return rows * rows + across * across;
}

/**
 * The largest squared distance in a grid, between opposite corners: (H−1)² + (W−1)².
 *
 * @throws UsageError as {@link patchCount}
 */
export function largestSquaredDistance(grid: Grid): number {
  requireGrid(grid);
  const { rows, columns } = grid;
  return (rows - 1) ** 2 + (columns - 1) ** 2;
}
