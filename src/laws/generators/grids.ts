import fc from "fast-check";
import { type Grid, patchCount } from "../../core/grid.ts";
import { regionsOf } from "../../methods/nuwa/separation.ts";

/** The longest side of a generated grid. */
export const MAX_SIDE = 40;

/** Mostly short sides, so that many cases are cheap; one in five is drawn from the whole range. */
const side = (max: number) =>
  fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.integer({ min: 1, max: Math.min(8, max) }), weight: 5 },
    { arbitrary: fc.integer({ min: 1, max: Math.min(16, max) }), weight: 3 },
    { arbitrary: fc.integer({ min: 1, max }), weight: 2 },
  );

/** Grids from 1×1, of any shape. They shrink towards 1×1. */
export function grids(max = MAX_SIDE): fc.Arbitrary<Grid> {
  return fc.record({ rows: side(max), columns: side(max) });
}

/** Region sizes from 1 to one more than the longer side; small ones, as the method uses them, more often. */
export function regionSizes({ rows, columns }: Grid): fc.Arbitrary<number> {
  return fc.oneof(
    { withCrossShrink: true },
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: Math.max(rows, columns) + 1 }),
  );
}

/** Budgets 1..N; every second is one where something changes: around multiples of #regions, 1, N. */
export function keeps(grid: Grid, regionSize: number): fc.Arbitrary<number> {
  const [total, regions] = [patchCount(grid), regionsOf(grid, regionSize).length];
  const turns = [1, total, total - 1, ...[1, 2, 3].flatMap((n) => [n * regions - 1, n * regions, n * regions + 1])];
  return fc.oneof(
    { withCrossShrink: true },
    fc.integer({ min: 1, max: total }),
    fc.constantFrom(...turns.filter((keep) => keep >= 1 && keep <= total)),
  );
}
