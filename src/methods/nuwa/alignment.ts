import { UsageError } from "../../core/errors.ts";
import { type Grid, patchCount } from "../../core/grid.ts";
import { best, checkScores } from "../../core/ranking.ts";
import { regionsOf } from "./separation.ts";

/**
 * **Alignment** (paper, section 3.1, step 2): the patches that stage 1 keeps, the anchors.
 *
 * $$ C = \bigcup_r \operatorname{top}_n \{ S_p : p \in r \}, \qquad B = \operatorname{top}_k \{ S_p : p \in C \} $$
 *
 * The best n of each region are candidates; the best k candidates over the whole grid stay. Ties: the lower
 * index.
 *
 * The paper says: n = 1, 2, 3 for k = 112, 224, 336 of 576. The released code does: the same, from a table of
 * three entries. Here n is the smallest number per region that gives k candidates, which for these budgets is
 * ⌈k / #regions⌉ = 1, 2, 3 and exists for every other one.
 *
 * @param salience S, one score per patch, in raster order
 * @returns k patches in raster order
 * @throws UsageError when k is not in 1..N or a score is NaN or infinite
 */
export function alignAnchors(
  salience: ArrayLike<number>,
  grid: Grid,
  { keep, regionSize, leastPerRegion }: AlignmentOptions,
): number[] {
  const total = patchCount(grid);
  if (salience.length !== total) throw new UsageError(`salience has ${salience.length} scores for ${total} patches.`);
  requireKeep(keep, total);
  checkScores("salience", salience);
  const ranked = regionsOf(grid, regionSize).map((region) => best(region, salience, region.length));
  const perRegion = patchesPerRegion(ranked, keep, leastPerRegion);
  const candidates = ranked.flatMap((region) => region.slice(0, perRegion));
  return best(candidates, salience, keep).sort((a, b) => a - b);
}

/** What {@link alignAnchors} needs to know besides the scores. */
export interface AlignmentOptions {
  /** How many patches to keep (k). */
  readonly keep: number;
  /** Side of a region in patches (g; 2 in the paper). */
  readonly regionSize: number;
  /** How many patches of each region are candidates at least, even where fewer would do (1). */
  readonly leastPerRegion?: number;
}

/** Refuses a budget that no selection of `total` patches can meet. @throws UsageError */
function requireKeep(keep: number, total: number): void {
  if (!Number.isInteger(keep) || keep < 1 || keep > total)
    throw new UsageError(`cannot keep ${keep} of ${total} patches.`);
}

/**
 * n: the smallest number per region such that the best n of every region are at least `keep` patches;
 * regions may be smaller than n. Without smaller regions n = ⌈k / #regions⌉.
 *
 * @param regions see regionsOf
 * @param keep k, in 1..N
 * @param least the number to start from
 * @throws UsageError when it is not
 */
export function patchesPerRegion(regions: readonly (readonly number[])[], keep: number, least = 1): number {
  requireKeep(
    keep,
    regions.reduce((sum, region) => sum + region.length, 0),
  );
  let perRegion = Math.max(least, Math.ceil(keep / regions.length));
  while (regions.reduce((sum, region) => sum + Math.min(region.length, perRegion), 0) < keep) perRegion++;
  return perRegion;
}
