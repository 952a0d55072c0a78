import { describe, expect, it } from "vitest";
import {
  COLOUR_JITTER,
  COLOUR_RGB,
  COLOURS,
  type Rgb,
  SHAPES,
  SIZE_EXTENTS,
  SIZES,
} from "../../src/world/attributes.ts";
import { drawBackground } from "../../src/world/background.ts";
import { covers } from "../../src/world/geometry.ts";
import { sceneRandom } from "../../src/world/splits.ts";

/** The furthest that a colour strays, in all three channels at once. */
const JITTER = Math.sqrt(3) * COLOUR_JITTER;

const distance = (a: Rgb, b: Rgb): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** Share of each pixel of a small box (12 × 12 pixels) that a shape covers. */
function mask(shape: (typeof SHAPES)[number]): number[] {
  const [pixels, samples] = [12, 8];
  return Array.from({ length: pixels * pixels }, (_, pixel) => {
    let hits = 0;
    for (let i = 0; i < samples * samples; i++) {
      const x = (pixel % pixels) + ((i % samples) + 0.5) / samples;
      const y = Math.floor(pixel / pixels) + (Math.floor(i / samples) + 0.5) / samples;
      if (covers(shape, [0, 0, pixels, pixels], x, y)) hits++;
    }
    return hits / samples ** 2;
  });
}

describe("attributes", () => {
  it("has eight colours that stay far from one another whatever their jitter", () => {
    for (const a of COLOURS)
      for (const b of COLOURS)
        if (a !== b) expect(distance(COLOUR_RGB[a], COLOUR_RGB[b]), `${a}, ${b}`).toBeGreaterThan(120 + 2 * JITTER);
  });

  it("has backgrounds that stay far from every colour", () => {
    for (let seed = 0; seed < 500; seed++) {
      const { tone, secondTone } = drawBackground(sceneRandom("train", seed, 0));
      for (const colour of COLOURS)
        for (const behind of [tone, secondTone])
          expect(distance(COLOUR_RGB[colour], behind), colour).toBeGreaterThan(75 + JITTER);
    }
  });

  it("has sizes that differ by a factor of at least 1.4 between the largest small and the smallest medium", () => {
    for (let i = 1; i < SIZES.length; i++)
      expect(SIZE_EXTENTS[SIZES[i]][0] / SIZE_EXTENTS[SIZES[i - 1]][1]).toBeGreaterThan(1.4);
  });

  it("has shapes that differ in at least a fifth of their pixels at the small size of a 96-pixel picture", () => {
    expect(SIZE_EXTENTS.small[0] * 96).toBeGreaterThan(12);
    const masks = SHAPES.map(mask);
    for (let a = 0; a < SHAPES.length; a++)
      for (let b = 0; b < a; b++) {
        const both = masks[a].reduce((sum, value, i) => sum + Math.min(value, masks[b][i]), 0);
        const either = masks[a].reduce((sum, value, i) => sum + Math.max(value, masks[b][i]), 0);
        expect(both / either, `${SHAPES[a]}, ${SHAPES[b]}`).toBeLessThan(0.8);
      }
  });
});
