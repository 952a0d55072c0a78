/**
 * # Coverage as properties
 *
 * An example shows that code is right once. A **property** is a sentence that must hold for every input; fast-check
 * looks for an input that breaks it, and makes what it finds as small as it can. Here we state one law of Nüwa's first
 * stage, break the code, watch the law catch it, and put a number on the worst case. All laws are in
 * `docs/invariants.md`. Run this with `npx tsx notebooks/05-coverage-as-properties.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { coverageBounds, coverageOf } from "../src/analysis.ts";
import { alignAnchors, best, drawPanels, type Grid, regionsOf } from "../src/node.ts";
import { picture } from "./picture.mjs";

/** What selects: scores of all patches in, kept patches out. */
type Selector = (scores: readonly number[], grid: Grid, keep: number) => number[];
const REGION = 2;

/** Kept patches as #, others as ·. */
const draw = (anchors: readonly number[], { rows, columns }: Grid) => {
  for (let row = 0; row < rows; row++)
    console.log(
      `  ${Array.from({ length: columns }, (_, c) => (anchors.includes(row * columns + c) ? "#" : "·")).join(" ")}`,
    );
};

/**
 * ## A law
 *
 * *With as many anchors as regions, every region holds one.* The inputs are grids of any shape and scores of any kind;
 * few different values, so that ties are common.
 */
const cases = fc
  .record({ rows: fc.integer({ min: 1, max: 9 }), columns: fc.integer({ min: 1, max: 9 }) })
  .chain((grid) =>
    fc.record({
      grid: fc.constant(grid),
      scores: fc.array(fc.integer({ min: 0, max: 9 }), {
        minLength: grid.rows * grid.columns,
        maxLength: grid.rows * grid.columns,
      }),
    }),
  );

const coversEveryRegion = (select: Selector) =>
  fc.property(cases, ({ grid, scores }) => {
    const regions = regionsOf(grid, REGION);
    const anchors = select(scores, grid, regions.length);
    return regions.every((region) => region.some((p) => anchors.includes(p)));
  });

const nuwa: Selector = (scores, grid, keep) => alignAnchors(scores, grid, { keep, regionSize: REGION });
const result = fc.check(coversEveryRegion(nuwa), { seed: 1, numRuns: 500 });
console.log(`Nüwa: ${result.failed ? "BROKEN" : "holds"} in ${result.numRuns} cases`);

/**
 * ## Break it
 *
 * Without regions: the k best patches of the whole picture, as attention-based pruners choose. The law breaks in a
 * large case first; then fast-check shrinks grid and scores until nothing can be taken away. What is left is the
 * idea of the counterexample: two good patches side by side, and another region goes without.
 */
const globalTopK: Selector = (scores, _grid, keep) => best([...scores.keys()], scores, keep).sort((a, b) => a - b);
const broken = fc.check(coversEveryRegion(globalTopK), { seed: 1, numRuns: 500 });
if (!broken.counterexample) throw new Error("global top-k should break the law");
const [smallest] = broken.counterexample;
const keep = regionsOf(smallest.grid, REGION).length;
console.log(`global top-k: broken by case ${broken.numRuns}, then shrunk ${broken.numShrinks} times to`);
console.log(
  `scores ${smallest.scores.join(" ")} on ${smallest.grid.rows}×${smallest.grid.columns}, k = ${keep}; kept:`,
);
draw(globalTopK(smallest.scores, smallest.grid, keep), smallest.grid);

/**
 * A smaller slip: one candidate too many in each region, so that a region may send two and another none.
 */
const oneTooMany: Selector = (scores, grid, count) => {
  const candidates = regionsOf(grid, REGION).flatMap((region) => best(region, scores, 2));
  return best(candidates, scores, count).sort((a, b) => a - b);
};
const slipped = fc.check(coversEveryRegion(oneTooMany), { seed: 1, numRuns: 500 });
if (!slipped.counterexample) throw new Error("one candidate too many should break the law");
const [small] = slipped.counterexample;
console.log(
  `one candidate too many: broken by case ${slipped.numRuns}, shrunk to ${small.grid.rows}×${small.grid.columns}:`,
);
draw(oneTooMany(small.scores, small.grid, regionsOf(small.grid, REGION).length), small.grid);

/**
 * ## A number for the worst case
 *
 * The paper keeps k = 112 anchors of 24×24 patches in 144 regions: 32 regions go empty. How far can a patch then be
 * from its nearest anchor? `coverageBounds` says, over *all* scores, and gives scores that do it.
 */
const grid = { rows: 24, columns: 24 };
for (const budget of [112, 144, 224]) {
  const { coveredRegions, radius } = coverageBounds(grid, { keep: budget, regionSize: REGION });
  console.log(
    `k = ${budget}: at least ${coveredRegions.value} of 144 regions covered; ` +
      `no patch farther than ${radius.value.toFixed(2)} patches from an anchor`,
  );
}
const { radius } = coverageBounds(grid, { keep: 112, regionSize: REGION });
const worst = alignAnchors(radius.witness, grid, { keep: 112, regionSize: REGION });
console.log(`the witness reaches it: ${coverageOf(worst, grid, REGION).radius.toFixed(2)}`);
const top = globalTopK(radius.witness, grid, 112);
console.log(`global top-k under the same scores: ${coverageOf(top, grid, REGION).radius.toFixed(2)}`);

await picture(
  "05-worst-case",
  "112 of 576 patches under the worst scores for the upper left corner: Nüwa, and global top-k",
  await drawPanels({
    picture: { width: 24, height: 24, pixels: new Uint8Array(24 * 24 * 3).fill(232) }, // no picture: light grey
    grid: grid,
    panels: [
      { title: "Nüwa, k = 112", kept: worst, regionSize: REGION },
      { title: "global top-k, k = 112", kept: top },
    ],
  }),
);

/**
 * ## Exercises
 *
 * 1. State the law for n anchors a region: with k = n · #regions every region holds exactly n. On which grids is it
 *    true?
 * 2. Break `regionsOf`: let the last column of patches belong to no region. Do the laws above notice? Which law would?
 * 3. How fast does the worst case fall when k goes from 112 to 144?
 *
 * [Solutions](solutions/05-coverage-as-properties.ipynb). `npm run test:mutations` breaks the code in many ways and
 * asks whether the tests notice.
 */
console.log(`tensors left: ${tf.memory().numTensors}`);
