import { type Grid, patchCount, squaredDistance } from "../core/grid.ts";
import { type AlignmentOptions, alignAnchors, patchesPerRegion } from "../methods/nuwa/alignment.ts";
import { regionsOf } from "../methods/nuwa/separation.ts";
import { type Coverage, coverageOf } from "./coverage.ts";

/*
 * What Nüwa's stage 1 guarantees for every salience, and the salience that comes out worst.
 *
 * Everything here follows from one fact. Let n be the candidates per region. Then a set S of patches is
 * kept under some scores exactly when |S| = k and no region holds more than n of S:
 *   ⊆  only the best n of a region are candidates;
 *   ⊇  under the scores 1 on S and 0 elsewhere, S are the k best candidates.
 * So the worst case over all scores is the worst case over these sets, and for a set A of patches
 *   capacity(A) = Σ over regions of min(n, patches of A in the region)
 * is the largest number of anchors that can lie in A at once (if that is at most k). Scores 1 on A and 0
 * elsewhere put min(k, capacity(A)) anchors there.
 */

/** A bound that no scores break and that `witness` reaches. */
export interface TightBound {
  readonly value: number;
  /** Scores, one per patch, under which stage 1 reaches the value. */
  readonly witness: readonly number[];
}

/** A bound that no scores break, and the worst that we know of: the truth lies in between. */
export interface OpenBound extends TightBound {
  /** What `witness` reaches; the bound is tight where this equals `value`. */
  readonly reached: number;
}

/** Worst values over all scores. `coveredRegions` is a minimum, all others are maxima. */
export type CoverageBounds = Readonly<
  Record<Exclude<keyof Coverage, "regions" | "meanDistance">, TightBound> & { meanDistance: OpenBound }
>;

/**
 * The worst coverage that stage 1 ({@link alignAnchors}) can have on a grid, over all finite scores. All
 * bounds but that of the mean distance are reached on every grid; proofs in docs/invariants.md.
 *
 * @throws UsageError as alignAnchors
 */
export function coverageBounds(grid: Grid, options: AlignmentOptions): CoverageBounds {
  const family = familyOf(grid, options);
  const reach = farthestNearest(family);
  return {
    coveredRegions: fewestCovered(family),
    radius: largestRadius(family, reach),
    meanDistance: largestMean(family, reach),
    discrepancy: largestDiscrepancy(family),
    rowGap: largestGap(family, grid.rows, (p) => Math.floor(p / grid.columns)),
    columnGap: largestGap(family, grid.columns, (p) => p % grid.columns),
  };
}

/**
 * Two of {@link coverageBounds}, without the work that the others take: for what follows a slider.
 *
 * @throws UsageError as alignAnchors
 */
export function coverageGuarantee(
  grid: Grid,
  options: AlignmentOptions,
): Pick<CoverageBounds, "coveredRegions" | "radius"> {
  const family = familyOf(grid, options);
  return { coveredRegions: fewestCovered(family), radius: largestRadius(family, farthestNearest(family)) };
}

function familyOf(grid: Grid, options: AlignmentOptions): Family {
  const regions = regionsOf(grid, options.regionSize);
  // Refuses what alignment refuses, in its words.
  alignAnchors(new Uint8Array(patchCount(grid)), grid, options);
  return { grid, regions, options, perRegion: patchesPerRegion(regions, options.keep) };
}

/** The sets that stage 1 can keep: `options.keep` patches, at most `perRegion` in each region. */
interface Family {
  readonly grid: Grid;
  readonly regions: readonly (readonly number[])[];
  readonly options: AlignmentOptions;
  readonly perRegion: number;
}

/** The most anchors that fit into the patches of `where`. */
function capacity({ regions, perRegion }: Family, where: (p: number) => boolean): number {
  let total = 0;
  for (const region of regions) {
    let inside = 0;
    for (const p of region) if (inside < perRegion && where(p)) inside++;
    total += inside;
  }
  return total;
}

/** Scores 1 on the patches of `where`, 0 elsewhere. */
function scoresOn({ grid }: Family, where: (p: number) => boolean): number[] {
  return Array.from({ length: patchCount(grid) }, (_, p) => (where(p) ? 1 : 0));
}

/** All anchors lie in the largest regions; no fewer can hold k. */
function fewestCovered(family: Family): TightBound {
  const { regions, perRegion, options } = family;
  const byRoom = [...regions].sort((a, b) => b.length - a.length);
  let [held, value] = [0, 0];
  while (held < options.keep) held += Math.min(perRegion, byRoom[value++].length);
  const crowded = new Set(byRoom.slice(0, value).flat());
  return { value, witness: scoresOn(family, (p) => crowded.has(p)) };
}

/**
 * For each patch p the largest possible squared distance to its nearest anchor, [N]. It is at least t
 * when k anchors fit into the patches at squared distance t or more, so it is the k-th largest of what
 * the n farthest patches of each region have.
 */
function farthestNearest({ grid, regions, perRegion, options }: Family): number[] {
  return Array.from({ length: patchCount(grid) }, (_, p) => {
    const farthest = regions.flatMap((region) => {
      const squares = region.map((q) => squaredDistance(grid, p, q));
      return perRegion === 1 ? [Math.max(...squares)] : squares.sort((a, b) => b - a).slice(0, perRegion);
    });
    return Float64Array.from(farthest).sort()[farthest.length - options.keep];
  });
}

/** Shown the distance to the worst patch as if it were salience, stage 1 looks away from it as hard as it can. */
function largestRadius({ grid }: Family, reach: readonly number[]): TightBound {
  const square = reach.reduce((a, b) => Math.max(a, b));
  return { value: Math.sqrt(square), witness: distancesFrom(grid, reach.indexOf(square)) };
}

/**
 * Mean distance. Each step of the argument holds for every set that stage 1 can keep:
 * 1. A patch is never farther from its nearest anchor than `reach` says.
 * 2. A region that holds a ≥ 1 anchors has that many patches at distance 0, and any one anchor can serve
 *    the others. The sum of the largest distances to a point is convex, so a corner is its worst place.
 * 3. No more regions are empty than {@link fewestCovered} leaves; at worst those that gain most by it.
 * 4. Argument 2 holds for the whole grid and all k anchors, too.
 */
function largestMean(family: Family, reach: readonly number[]): OpenBound {
  const { grid, regions, perRegion, options } = family;
  const spare = capacity(family, () => true) - options.keep;
  const atLeast = regions.map((region) => Math.max(0, Math.min(perRegion, region.length) - spare));
  const served = regions.map((region, r) => fromFirst(grid, region, Math.max(1, atLeast[r])));
  const gains = regions.map((region, r) => {
    const empty = sumOf(region.map((p) => Math.sqrt(reach[p])));
    return atLeast[r] === 0 ? Math.max(0, empty - served[r]) : 0;
  });
  const empties = regions.length - fewestCovered(family).value;
  const worst = gains.sort((a, b) => b - a).slice(0, empties);
  const everything = reach.map((_, p) => p);
  const whole = fromFirst(grid, everything, options.keep);
  const value = Math.min(whole, sumOf(served) + sumOf(worst)) / everything.length;
  // Two candidates: far from a corner, and in the upper left corner of every region.
  const corners = new Set(regions.map((region) => region[0]));
  const [far, spread] = [distancesFrom(grid, 0), scoresOn(family, (p) => corners.has(p))].map((witness) => {
    const anchors = alignAnchors(witness, grid, options);
    return { witness, reached: coverageOf(anchors, grid, options.regionSize).meanDistance };
  });
  return { value, ...(far.reached >= spread.reached ? far : spread) };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Sum of the distances from the first patch, a corner, to the patches of a rectangle without the `except` nearest. */
function fromFirst(grid: Grid, patches: readonly number[], except: number): number {
  const squares = Float64Array.from(patches, (p) => squaredDistance(grid, patches[0], p)).sort();
  return sumOf([...squares.subarray(except)].map(Math.sqrt));
}

/** Over all boxes in the upper left corner: as many anchors inside as fit, or as many outside as fit. */
function largestDiscrepancy(family: Family): TightBound {
  const { grid, options } = family;
  const [total, keep] = [patchCount(grid), options.keep];
  let worst = { numerator: -1, x: 0, y: 0, inside: true };
  for (let y = 1; y <= grid.rows; y++) {
    for (let x = 1; x <= grid.columns; x++) {
      for (const inside of [true, false]) {
        const held = Math.min(
          keep,
          capacity(family, (p) => inBox(grid, p, y, x) === inside),
        );
        const patches = inside ? x * y : total - x * y;
        const numerator = held * total - patches * keep;
        if (numerator > worst.numerator) worst = { numerator, x, y, inside };
      }
    }
  }
  const { numerator, x, y, inside } = worst;
  return {
    value: numerator / (total * keep),
    witness: scoresOn(family, (p) => inBox(grid, p, y, x) === inside),
  };
}

function inBox({ columns }: Grid, p: number, y: number, x: number): boolean {
  return p < y * columns && p % columns < x;
}

/** The longest run of rows (or columns) outside of which all k anchors fit. */
function largestGap(family: Family, lines: number, lineOf: (p: number) => number): TightBound {
  const outside = (start: number, length: number) => (p: number) => lineOf(p) < start || lineOf(p) >= start + length;
  let [value, best] = [0, 0];
  for (let start = 0; start + value < lines; start++) {
    // A run that can be empty can be so in part, too: only longer runs than the longest so far matter.
    while (start + value < lines && capacity(family, outside(start, value + 1)) >= family.options.keep) {
      value++;
      best = start;
    }
  }
  return { value, witness: scoresOn(family, outside(best, value)) };
}

function distancesFrom(grid: Grid, p: number): number[] {
  return Array.from({ length: patchCount(grid) }, (_, q) => squaredDistance(grid, p, q));
}
