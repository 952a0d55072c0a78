import { UsageError } from "../../core/errors.ts";
import { type Grid, patchCount } from "../../core/grid.ts";

/** Side of a region in patches, g, unless another is asked for. */
export const REGION_SIZE = 2;

/**
 * **Separation** (paper, section 3.1, step 1): cuts an H×W grid into regions of g×g patches.
 *
 * $$ r(y, x) = \lfloor y/g \rfloor \cdot \lceil W/g \rceil + \lfloor x/g \rfloor $$
 *
 * The paper says: g = 2. The released code does: the same, on a grid of 24×24 that g divides. Where g does not
 * divide the grid, the regions at the right and lower edge are smaller here, and each counts as a region.
 *
 * @param side g
 * @returns the patches of each region, ascending; regions in raster order
 * @throws UsageError when rows, columns or `side` are not positive integers
 */
export function regionsOf(grid: Grid, side: number): number[][] {
  const total = patchCount(grid);
  if (!Number.isInteger(side) || side < 1) throw new UsageError(`region size ${side} is not a positive integer.`);
  const { rows, columns } = grid;
  const across = Math.ceil(columns / side);
  const regions: number[][] = Array.from({ length: Math.ceil(rows / side) * across }, () => []);
  for (let p = 0; p < total; p++) {
    const row = Math.floor(p / columns);
    const column = p % columns;
    regions[Math.floor(row / side) * across + Math.floor(column / side)].push(p);
  }
  return regions;
}
