import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { initialWeights } from "../../../src/train/shapes/initial.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { visionBatch } from "../../../src/train/shapes/patch-targets.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { pretrainingHeads, pretrainingLoss } from "../../../src/train/shapes/pretrain.ts";
import { configOfRecipe } from "../../../src/train/shapes/session.ts";
import { repainted } from "../../../src/train/shapes/unnamed-colours.ts";
import { COLOURS, SHAPES, SIZES } from "../../../src/world/attributes.ts";
import { MICRO } from "../support.ts";

const config = configOfRecipe(MICRO);
const miniature = miniatureOf(config);
const scenes = scenesFrom("train", 0, 3);

beforeAll(async () => {
  await useBackend("wasm");
});

it("targets say of each patch what it shows and where that ends", async () => {
  const images = miniature.images(await miniature.pixelsOf(scenes));
  const { patches: batch } = visionBatch(repainted(scenes, 0), images, miniature);
  const shown = Array.from(batch.shown.dataSync());
  const attributes = batch.attributes.arraySync();
  const boxes = batch.boxes.arraySync();
  expect(batch.shownCount.dataSync()[0]).toBe(shown.reduce((sum, one) => sum + one, 0));
  shown.forEach((there, at) => {
    const one = attributes[at];
    const groups = [
      one.slice(0, COLOURS.length),
      one.slice(COLOURS.length, COLOURS.length + SHAPES.length),
      one.slice(-SIZES.length),
    ];
    for (const group of groups) expect(group.reduce((sum, value) => sum + value, 0)).toBe(there);
    if (!there) return;
    const described = groups.map((group) => group.indexOf(1));
    const shape = scenes[Math.floor(at / 16)].shapes.find(
      ({ box }) => Math.abs(box[0] * 10 - boxes[at][0]) < 1e-4 && Math.abs(box[3] * 10 - boxes[at][3]) < 1e-4,
    );
    expect(shape).toBeDefined();
    expect([shape?.colour, shape?.shape, shape?.size]).toEqual([
      COLOURS[described[0]],
      SHAPES[described[1]],
      SIZES[described[2]],
    ]);
  });
});

it("every weight of the tower, the last block included, the projector and the heads gets a gradient", async () => {
  const random = randomFrom(1);
  const all = new Map([...initialWeights(config, random), ...pretrainingHeads(miniature, random)]);
  const trained = [...all].filter(([name]) => !name.startsWith("language_model"));
  const images = miniature.images(await miniature.pixelsOf(scenes));
  const batch = visionBatch(repainted(scenes, 0), images, miniature);
  const { grads } = tf.engine().gradients(
    () => pretrainingLoss(miniature, all, batch),
    trained.map(([, tensor]) => tensor),
    undefined,
    true,
  );
  trained.forEach(([name, tensor], i) => {
    const gradient = grads[i] as tf.Tensor;
    expect(gradient?.shape, name).toEqual(tensor.shape);
    // Shifting all keys by the same vector changes no attention.
    if (!name.endsWith("k_proj.bias")) expect(gradient.abs().max().dataSync()[0], name).toBeGreaterThan(0);
  });
});
