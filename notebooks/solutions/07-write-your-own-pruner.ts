/**
 * # Solutions: a pruner and its laws
 *
 * To the exercises of [Write your own pruner](../07-write-your-own-pruner.ipynb). Run them with
 * `npx tsx notebooks/solutions/07-write-your-own-pruner.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import { judge } from "../../src/laws.ts";
import { alignAnchors, type Grid, type MethodDefinition, useBackend } from "../../src/node.ts";

await useBackend("wasm");

/** A method that keeps, of each image, the cells that `choose` returns for the scores of the class token. */
function pruner(
  name: string,
  choose: (scores: readonly number[], grid: Grid, keep: number) => number[],
): MethodDefinition<number> {
  const definition: MethodDefinition<number> = {
    name,
    summary: "cells by class attention",
    positions: "original",
    budget(asked, { total }) {
      return Math.max(1, Math.round("tokens" in asked ? asked.tokens : asked.ratio * total));
    },
    create({ average = { ratio: 1 / 9 }, positions = "original" }, size) {
      const keep = definition.budget(average, size);
      return {
        name,
        needs: ["class-attention"],
        positions,
        idsAfterCut: "kept",
        *selectPatches({ grid, clsAttention, share }) {
          const values = yield clsAttention; // [images, patches]
          const total = grid.rows * grid.columns;
          const scoresOf = (image: number) => [...values.slice(image * total, (image + 1) * total)];
          const images = Array.from({ length: values.length / total }, (_, image) => scoresOf(image));
          return { cells: images.map((scores) => choose(scores, grid, share(keep))) };
        },
        cuts: new Map(),
      };
    },
  };
  return definition;
}

/** What the laws say of it, with eight cases each. */
function verdictOn(name: string, choose: Parameters<typeof pruner>[1]) {
  const verdicts = judge(pruner(name, choose), { runs: 8 });
  const count = (status: string) => verdicts.filter((verdict) => verdict.status === status).length;
  console.log(`${name}: keeps ${count("keeps")}, breaks ${count("breaks")}, does not apply ${count("does not apply")}`);
  return verdicts;
}

/**
 * ## 1. Every n-th patch
 *
 * Laws about scores do not apply to it. It breaks the laws of coverage: every n-th patch in
 * raster order may be two in one region and none in another.
 */
const strided = verdictOn("strided", (scores, _, keep) =>
  Array.from({ length: keep }, (_, i) => Math.floor((i * scores.length) / keep)),
);
for (const { status, sentence } of strided) if (status !== "keeps") console.log(`${status}: ${sentence}`);

/**
 * ## 2. One patch twice
 *
 * What a method returns is checked where it enters the pipeline, in every pass and without the laws. So `nuwa ask`
 * refuses it in one line, and each law reports the same.
 */
const twice = pruner("twice", (_, __, keep) => [0, ...Array.from({ length: keep }, (_, i) => i)].slice(0, keep));
const [verdict] = judge(twice, { runs: 8, law: strided[0].sentence });
console.log(`${verdict.status}: ${verdict.sentence}`);
console.log(verdict.broken?.message);

/**
 * ## 3. Nüwa's anchors without aggregation
 *
 * All laws of coverage, as `greedy` does not. What aggregation adds is what the dropped patches held.
 */
const anchors = verdictOn("anchors", (scores, grid, keep) => alignAnchors(scores, grid, { keep, regionSize: 2 }));
for (const { status, sentence } of anchors) if (status !== "keeps") console.log(`${status}: ${sentence}`);
console.log(`tensors left: ${tf.memory().numTensors}`);
