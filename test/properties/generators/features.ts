import fc from "fast-check";
import { type Grid, patchCount } from "../../../src/core/grid.ts";
import { grids, MAX_SIDE } from "../../../src/laws/generators/grids.ts";

/** Channels of the generated features. */
export const WIDTH = 3;

/** Kinds of feature rows; each is drawn equally often. */
export const ROW_KINDS = ["ordinary", "zero", "equal", "opposite", "tiny", "huge"] as const;

/** One of {@link ROW_KINDS}. */
export type RowKind = (typeof ROW_KINDS)[number];

/** What aggregation is asked to mix. */
export interface AggregationCase {
  readonly grid: Grid;
  /** [N][WIDTH], float32. */
  readonly features: number[];
  readonly anchors: number[];
  /** One per anchor. */
  readonly pillars: boolean[];
  /** In grid units; at least 1, as distanceThreshold gives it. */
  readonly threshold: number;
}

/** A row of features: of its own, or related to one fixed direction so that rows resemble each other. */
const row: fc.Arbitrary<number[]> = fc
  .tuple(
    fc.constantFrom(...ROW_KINDS),
    fc.array(fc.integer({ min: -64, max: 64 }), { minLength: WIDTH, maxLength: WIDTH }),
  )
  .map(([kind, own]) => rowOf(kind, own));

/** `own` scaled or replaced as its kind says. 1e20 squared is more than a float32 holds, 1e-20 squared less. */
export function rowOf(kind: RowKind, own: readonly number[]): number[] {
  const shared = Array.from({ length: WIDTH }, (_, i) => 1 + i / 4);
  switch (kind) {
    case "ordinary":
      return own.map((value) => value / 16);
    case "zero":
      return own.map(() => 0);
    case "equal":
      return shared;
    case "opposite":
      return shared.map((value) => -value);
    case "tiny":
      return own.map((value) => Math.fround(value * 1e-20));
    case "huge":
      return own.map((value) => Math.fround(value * 1e20));
  }
}

/** Features of any kind, up to twelve anchors in any roles, any threshold from 1 to beyond the grid. */
export function aggregationCases(max = MAX_SIDE): fc.Arbitrary<AggregationCase> {
  return grids(max).chain((grid) => {
    const total = patchCount(grid);
    return fc
      .record({
        features: fc.array(row, { minLength: total, maxLength: total }).map((rows) => rows.flat()),
        anchors: fc
          .uniqueArray(fc.nat(total - 1), { minLength: 1, maxLength: 12 })
          .map((list) => list.sort((a, b) => a - b)),
        roles: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        threshold: fc.oneof(
          fc.integer({ min: 1, max: 8 }),
          fc.double({ min: 1, max: 2 * Math.max(grid.rows, grid.columns), noNaN: true }),
        ),
      })
      .map(({ roles, ...rest }) => ({ grid, ...rest, pillars: roles.slice(0, rest.anchors.length) }));
  });
}
