/**
 * # Solutions: stage 1
 *
 * To the exercises of [Stage 1 by hand](../03-stage-1-by-hand.ipynb), on the same picture. Run them with
 * `npx tsx notebooks/solutions/03-stage-1-by-hand.ts`.
 */
import * as tf from "@tensorflow/tfjs";
import {
  alignAnchors,
  batchOf,
  disposeModel,
  forward,
  loadVlm,
  nuwa,
  record,
  regionsOf,
  run,
  shapesWeights,
  tensorsIn,
  useBackend,
  VARIANTS,
} from "../../src/node.ts";
import { renderScenes, sceneOf } from "../../src/world.ts";

await useBackend("wasm");
const { model, preprocessing } = loadVlm(shapesWeights());
const [pixels] = await renderScenes([sceneOf("test", 12)], 96);
const batch = batchOf([preprocessing.prepare({ width: 96, height: 96, pixels })]);
const inputs = { ...batch, prompts: [[1, model.config.imageTokenId, 5]] };
const grid = { rows: 12, columns: 12 };
const keep = 28;

/**
 * ## 1. Sums
 *
 * By `sum-to-one` all rows sum to 1, and a collector's own patch is one part among many: the token is smoothed. The
 * released code overwrites the own weight by 1 afterwards, so that rows sum to nearly 2.
 */
for (const normalisation of ["self-overwritten", "sum-to-one"] as const) {
  const seen = record(["stage1.weights", "stage1.indices", "stage1.pillars"]);
  const method = nuwa({ ...VARIANTS.official, normalisation, budget: { stage1: keep, stage2: 4 }, cutLayer: 4 });
  tf.dispose(tensorsIn(await run(() => forward(model, inputs, method, seen.tap))));
  const [rows] = (await seen.get("stage1.weights").array()) as number[][][]; // [k, N]
  const [cells, pillars] = await Promise.all([seen.get("stage1.indices").data(), seen.get("stage1.pillars").data()]);
  const collectors = rows.flatMap((row, i) => (pillars[i] === 1 ? [] : [{ row, own: row[cells[i]] }]));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const sums = collectors.map(({ row }) => row.reduce((sum, value) => sum + value, 0));
  const own = mean(collectors.map((one) => one.own));
  console.log(
    `${normalisation}: collectors sum to ${mean(sums).toFixed(2)}, of that their own patch ${own.toFixed(2)}`,
  );
  seen.dispose();
}

/**
 * ## 2. Larger regions
 *
 * `alignAnchors` raises n until all regions together have k candidates: 16 regions of 3×3 need two each, 9 regions of
 * 4×4 four each. The best k of these stay. Regions are fewer, so that more of them hold an anchor; but a region is
 * larger, and its anchors may stand close together.
 */
const seen = record(["vision.cls_attention", "vision.key_norms"]);
const method = nuwa({ ...VARIANTS.official, budget: { stage1: keep, stage2: 4 }, cutLayer: 4 });
tf.dispose(tensorsIn(await run(() => forward(model, inputs, method, seen.tap))));
const [attention, norms] = await Promise.all(
  (["vision.cls_attention", "vision.key_norms"] as const).map(async (name) => [...(await seen.get(name).data())]),
);
for (const regionSize of [2, 3, 4]) {
  const anchors = alignAnchors(attention, grid, { keep: keep, regionSize });
  const held = regionsOf(grid, regionSize).map((region) => region.filter((p) => anchors.includes(p)).length);
  const empty = held.filter((count) => count === 0).length;
  console.log(
    `${regionSize}×${regionSize}: ${empty} of ${held.length} regions empty, at most ${Math.max(...held)} in one`,
  );
}

/**
 * ## 3. The paper's salience
 *
 * Norms of keys differ little from patch to patch, so that the order changes little.
 */
const official = alignAnchors(attention, grid, { keep: keep, regionSize: 2 });
const byPaper = attention.map((value, patch) => value * norms[patch]);
const paper = alignAnchors(byPaper, grid, { keep: keep, regionSize: 2 });
console.log(`${paper.filter((p) => !official.includes(p)).length} of ${keep} anchors are others`);
console.log(`norms of keys: ${Math.min(...norms).toFixed(1)} to ${Math.max(...norms).toFixed(1)}`);

seen.dispose();
batch.pixels.dispose();
disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
