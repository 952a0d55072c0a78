import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { SHAPES } from "../../src/world/attributes.ts";
import { sceneSvg } from "../../src/world/drawing.ts";
import { ASPECT } from "../../src/world/geometry.ts";
import { renderScenes, scenePng } from "../../src/world/rendering.ts";
import { type Scene, sceneOf } from "../../src/world/scene.ts";

const scenes = Array.from({ length: 40 }, (_, seed) => sceneOf("test", seed));

/** One black shape on plain grey, without noise. */
function single(shape: (typeof SHAPES)[number]): Scene {
  const [x, y, width] = [0.2171, 0.3033, 0.3371];
  return {
    ...scenes[0],
    noise: 0,
    background: { texture: "plain", tone: [128, 128, 128], secondTone: [0, 0, 0], period: 0.1, angle: 0 },
    shapes: [
      { shape, colour: "black", size: "large", rgb: [0, 0, 0], box: [x, y, x + width, y + width * ASPECT[shape]] },
    ],
  };
}

describe("renderScenes", () => {
  it("gives the same bytes for the same seed, alone or on a sheet with others", async () => {
    for (const size of [96, 100, 144]) {
      const together = await renderScenes(scenes, size);
      expect(together.length).toBe(scenes.length);
      for (const i of [0, 7, 15, 16, 39]) {
        const [alone] = await renderScenes([sceneOf("test", i)], size);
        expect(alone.length).toBe(size * size * 3);
        expect(Buffer.compare(alone, together[i])).toBe(0);
      }
    }
  });

  it("draws each shape into exactly its box", async () => {
    const size = 400;
    for (const shape of SHAPES) {
      const scene = single(shape);
      const [pixels] = await renderScenes([scene], size);
      const dark = Array.from({ length: size * size }, (_, i) => i).filter((i) => pixels[i * 3] < 120);
      const columns = dark.map((i) => i % size);
      const rows = dark.map((i) => Math.floor(i / size));
      const drawn = [Math.min(...columns), Math.min(...rows), Math.max(...columns) + 1, Math.max(...rows) + 1];
      // The tip of a triangle or a star is thinner than a pixel for the first pixels.
      scene.shapes[0].box.forEach((edge, i) => {
        expect(Math.abs(drawn[i] - edge * size), `${shape} edge ${i}`).toBeLessThan(2.5);
      });
    }
  });

  it("shows every shape in its own colour at the points that it covers", async () => {
    const size = 144;
    const pictures = await renderScenes(scenes, size);
    scenes.forEach(({ shapes, noise }, i) => {
      for (const { shape, box, rgb } of shapes) {
        // The middle of every shape but the ring, which is met at its left rim.
        const x = shape === "ring" ? box[0] + 0.11 * (box[2] - box[0]) : (box[0] + box[2]) / 2;
        const at = (Math.floor(((box[1] + box[3]) / 2) * size) * size + Math.floor(x * size)) * 3;
        for (let channel = 0; channel < 3; channel++)
          expect(Math.abs(pictures[i][at + channel] - rgb[channel])).toBeLessThan(40 + 5 * noise);
      }
    });
  });

  it("adds noise of the strength that the scene says", async () => {
    const size = 96;
    const scene = { ...single("square"), shapes: [], noise: 5 };
    const [pixels] = await renderScenes([scene], size);
    const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const deviation = Math.sqrt(pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length);
    expect(mean).toBeCloseTo(128, 0);
    expect(deviation).toBeGreaterThan(4.7);
    expect(deviation).toBeLessThan(5.3);
  });

  it("gives no pictures for no scenes", async () => {
    expect(await renderScenes([], 96)).toEqual([]);
  });

  it("refuses sizes that cannot be drawn", async () => {
    for (const size of [0, 96.5, 5000]) await expect(renderScenes(scenes, size)).rejects.toThrow(UsageError);
  });
});

describe("scenePng", () => {
  it("holds the pixels of renderScenes", async () => {
    const { data, info } = await sharp(await scenePng(scenes[3], 96))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([96, 96, 3]);
    const [pixels] = await renderScenes([scenes[3]], 96);
    expect(Buffer.compare(data, pixels)).toBe(0);
  });
});

describe("sceneSvg", () => {
  it("is a drawing of its own, of the size asked for", async () => {
    const { width, height, format } = await sharp(Buffer.from(sceneSvg(scenes[0], 336))).metadata();
    expect([width, height, format]).toEqual([336, 336, "svg"]);
  });
});
