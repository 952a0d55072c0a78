/**
 * # Solutions: position ids
 *
 * To the exercises of [Why pruning breaks grounding](../02-position-ids.ipynb), on the same picture and question. Run
 * them with `npx tsx notebooks/solutions/02-position-ids.ts`.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import {
  answer,
  createMethod,
  disposeModel,
  loadVlm,
  type Position,
  type PositionFunction,
  shapesWeights,
  useBackend,
} from "../../src/node.ts";
import { renderScenes, sceneOf } from "../../src/world.ts";

await useBackend("wasm");
const [shapes, noPlaces] = ["shapes", "no-places"].map((name) => loadVlm(join(shapesWeights(), "..", name)));
const [pixels] = await renderScenes([sceneOf("test", 10)], 96);
const image = noPlaces.preprocessing.prepare({ width: 96, height: 96, pixels });
const question = "Find the star on the right.";
const average = { ratio: 2 / 9 };

/**
 * ## 1. The model with places
 *
 * The box hardly moves. A loss of this model's training wrote the edges of shapes into the visual tokens, so that its
 * decoder can read them there, whatever ids the tokens have.
 */
for (const positions of ["original", "compressed"] as const) {
  const { text } = await answer(shapes, image, question, { method: "nuwa", average: average, positions });
  console.log(`weights/shapes, ${positions}: ${text}`);
}

/**
 * ## 2. VisionZip with original ids
 *
 * On this picture the box comes back. Over 40 scenes VisionZip at 2/9 grounds 0.26 with compressed and 0.76 with
 * original ids (docs/results.md).
 */
for (const positions of ["compressed", "original"] as const) {
  const { text } = await answer(noPlaces, image, question, { method: "visionzip", average: average, positions });
  console.log(`VisionZip, ${positions}: ${text}`);
}

/**
 * ## 3. Image or text
 *
 * The box moves when only the text moves: the nearer the text, the lower the box. When all ids grow by 100 it stays
 * within 0.01: only differences count.
 */
const { config } = noPlaces.model;
const ids =
  (shift: number, gap: number): PositionFunction =>
  (offsets, start, { length }) => ({
    visual: offsets.map((offset, j): Position => [start + shift + (offset?.[0] ?? j)]),
    nextPosition: start + shift + length + gap,
  });
for (const gap of [-24, -12, 0, 12, 24]) {
  const method = { ...createMethod("nuwa", config, { average: average }), positions: ids(0, gap) };
  console.log(`text ${gap} ids later: ${(await answer(noPlaces, image, question, { method })).text}`);
}
const method = { ...createMethod("nuwa", config, { average: average }), positions: ids(100, 0) };
console.log(`all ids 100 later: ${(await answer(noPlaces, image, question, { method })).text}`);

for (const { model } of [shapes, noPlaces]) disposeModel(model);
console.log(`tensors left: ${tf.memory().numTensors}`);
