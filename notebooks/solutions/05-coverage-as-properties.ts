/**
 * # Solutions: coverage as properties
 *
 * To the exercises of [Coverage as properties](../05-coverage-as-properties.ipynb). Run them with
 * `npx tsx notebooks/solutions/05-coverage-as-properties.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { coverageBounds, coverageOf } from "../../src/analysis.ts";
import { alignAnchors, regionsOf } from "../../src/index.ts";

/**
 * ## 1. n anchors a region
 *
 * With k = n · #regions anchors every region holds exactly n of them. A region that the grid cuts off may have fewer
 * patches than n; then the others must take more, and the law as stated holds only for grids that regions divide.
 */
const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), columns: fc.integer({ min: 1, max: 4 }) })
  .chain((half) => {
    const grid = { rows: 2 * half.rows, columns: 2 * half.columns };
    const [minLength, maxLength] = [grid.rows * grid.columns, grid.rows * grid.columns];
    return fc.record({
      grid: fc.constant(grid),
      n: fc.integer({ min: 1, max: 4 }),
      scores: fc.array(fc.integer({ min: 0, max: 9 }), { minLength, maxLength }),
    });
  });
const holdsExactly = fc.property(cases, ({ grid, n, scores }) => {
  const regions = regionsOf(grid, 2);
  const anchors = alignAnchors(scores, grid, { keep: n * regions.length, regionSize: 2 });
  return regions.every((region) => region.filter((p) => anchors.includes(p)).length === n);
});
const { failed, numRuns } = fc.check(holdsExactly, { seed: 1, numRuns: 500 });
console.log(`exactly n in each region: ${failed ? "BROKEN" : "holds"} in ${numRuns} cases`);

/**
 * ## 2. A last column that is too narrow
 *
 * Regions no longer hold every patch: the last column of the grid belongs to none. A law that needs no scores notices
 * first, the one that regions divide the grid; coverage laws do not look there, since they ask the same broken
 * `regionsOf` what a region is. A law that shares its helper with what it judges is blind to faults in the helper.
 */
type Regions = typeof regionsOf;
const narrow: Regions = (grid, size) =>
  regionsOf(grid, size).map((region) => region.filter((p) => p % grid.columns !== grid.columns - 1));
const partition = (regions: Regions) =>
  fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), (rows, columns) => {
    const all = regions({ rows, columns }, 2)
      .flat()
      .sort((a, b) => a - b);
    return all.join() === [...Array(rows * columns).keys()].join();
  });
for (const [name, regions] of Object.entries({ regionsOf: regionsOf, narrow })) {
  const found = fc.check(partition(regions), { seed: 1 });
  console.log(`${name}: regions ${found.failed ? "do not divide" : "divide"} the grid`);
}

/**
 * ## 3. From 112 to 144
 *
 * It falls with the number of regions that may stay empty, 144 − k. The worst scores leave those in one corner empty; a
 * single empty one still leaves its corner patch more than 3 patches away, because the neighbours may hold their
 * anchors on their far sides. With every region covered no patch is farther than √2.
 */
const grid = { rows: 24, columns: 24 };
for (const keep of [112, 130, 140, 143, 144]) {
  const { radius } = coverageBounds(grid, { keep, regionSize: 2 });
  const reached = coverageOf(alignAnchors(radius.witness, grid, { keep, regionSize: 2 }), grid, 2).radius;
  console.log(`k = ${keep}: at most ${radius.value.toFixed(2)}, reached ${reached.toFixed(2)}`);
}
console.log(`tensors left: ${tf.memory().numTensors}`);
