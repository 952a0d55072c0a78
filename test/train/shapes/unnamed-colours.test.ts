import { expect, it } from "vitest";
import { randomFrom } from "../../../src/core/random-numbers.ts";
import { parseConfig } from "../../../src/model/llava/config.ts";
import { miniatureOf } from "../../../src/train/shapes/miniatures.ts";
import { visionBatch } from "../../../src/train/shapes/patch-targets.ts";
import { scenesFrom } from "../../../src/train/shapes/pictures.ts";
import { repainted, unnamedColour } from "../../../src/train/shapes/unnamed-colours.ts";
import { COLOUR_RGB, COLOURS, type Rgb } from "../../../src/world/attributes.ts";

const scenes = scenesFrom("train", 0, 200);

it("an unnamed colour is far from every named one", () => {
  const random = randomFrom(1);
  for (let i = 0; i < 500; i++) {
    const rgb = unnamedColour(random);
    for (const named of Object.values(COLOUR_RGB))
      expect(Math.hypot(...rgb.map((level, channel) => level - named[channel]))).toBeGreaterThanOrEqual(70);
  }
});

it("an unnamed colour keeps its distance from grey, and so from every background", () => {
  const random = randomFrom(2);
  const colours = Array.from({ length: 500 }, () => unnamedColour(random));
  const distance = (one: Rgb, other: Rgb) => Math.hypot(...one.map((level, channel) => level - other[channel]));
  const tones = scenes.flatMap(({ background: { tone, secondTone } }) => [tone, secondTone]);
  for (const rgb of colours) {
    expect(distance(rgb, [137, 137, 137])).toBeGreaterThanOrEqual(75);
    for (const tone of tones) if (distance(rgb, tone) < 10) expect.fail(`[${rgb}] is the background [${tone}]`);
  }
  // Grey is kept away from, dull colours are not: some lie near that distance.
  expect(Math.min(...colours.map((rgb) => distance(rgb, [137, 137, 137])))).toBeLessThan(85);
});

it("about the asked share of scenes is repainted, the same ones each time, and nothing but paint changes", () => {
  const painted = repainted(scenes, 0.5);
  expect(repainted(scenes, 0.5)).toEqual(painted);
  const unnamed = painted.filter(({ named }) => !named);
  expect(unnamed.length).toBeGreaterThan(70);
  expect(unnamed.length).toBeLessThan(130);
  painted.forEach(({ scene, named }, i) => {
    const unpainted = ({ rgb: _, ...shape }: (typeof scene.shapes)[number]) => shape;
    expect(scene.shapes.map(unpainted)).toEqual(scenes[i].shapes.map(unpainted));
    if (named) expect(scene).toEqual(scenes[i]);
    else expect(scene.shapes.map(({ rgb }) => rgb)).not.toEqual(scenes[i].shapes.map(({ rgb }) => rgb));
  });
  expect(repainted(scenes, 0).every(({ named }) => named)).toBe(true);
});

it("a repainted picture is asked for shape and size, never for colour", async () => {
  const config = parseConfig("unnamed", {
    vision_config: {
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      image_size: 32,
      patch_size: 8,
    },
    text_config: { hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 1, vocab_size: 8 },
  });
  const some = scenes.slice(0, 4);
  const miniature = miniatureOf(config);
  const batch = visionBatch(repainted(some, 1), miniature.images(await miniature.pixelsOf(some)), miniature);
  const attributes = await batch.patches.attributes.array();
  const shown = await batch.patches.shown.data();
  attributes.forEach((row, patch) => {
    expect(row.slice(0, COLOURS.length).some((value) => value > 0)).toBe(false);
    expect(row.reduce((sum, value) => sum + value, 0)).toBe(2 * shown[patch]);
  });
  const present = await batch.present.array();
  for (const row of present) {
    expect(row.slice(0, COLOURS.length).some((value) => value > 0)).toBe(false);
    expect(row.some((value) => value > 0)).toBe(true);
  }
});
