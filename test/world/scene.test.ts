import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/core/errors.ts";
import { COLOUR_JITTER, COLOUR_RGB, SIZE_EXTENTS } from "../../src/world/attributes.ts";
import { ASPECT, apart } from "../../src/world/geometry.ts";
import { isHeldOut } from "../../src/world/pairs.ts";
import { GAP, sceneOf } from "../../src/world/scene.ts";
import { SEEDS_PER_SPLIT, SPLITS } from "../../src/world/splits.ts";

const split = fc.constantFrom(...SPLITS);
const seed = fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 });
/** What rounding of a sum of decimals may add. */
const ROUNDING = 1e-9;

describe("sceneOf", () => {
  it("places 2 to 6 shapes inside the picture, no two of whose boxes come closer than the gap", () => {
    fc.assert(
      fc.property(split, seed, (one, number) => {
        const { shapes } = sceneOf(one, number);
        expect(shapes.length).toBeGreaterThanOrEqual(2);
        expect(shapes.length).toBeLessThanOrEqual(6);
        shapes.forEach(({ box }, i) => {
          for (const edge of box) expect(edge > GAP - 1e-4 && edge < 1 - GAP + 1e-4).toBe(true);
          for (const { box: other } of shapes.slice(0, i)) expect(apart(box, other, GAP - ROUNDING)).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("makes boxes as wide as the size says and as high as the shape wants", () => {
    fc.assert(
      fc.property(split, seed, (one, number) => {
        for (const { box, size, shape } of sceneOf(one, number).shapes) {
          const width = box[2] - box[0];
          expect(width).toBeGreaterThan(SIZE_EXTENTS[size][0] - 1e-4);
          expect(width).toBeLessThan(SIZE_EXTENTS[size][1] + 1e-4);
          expect(box[3] - box[1]).toBeCloseTo(width * ASPECT[shape], 3);
        }
      }),
    );
  });

  it("paints every shape in its colour, up to the jitter", () => {
    fc.assert(
      fc.property(seed, (number) => {
        for (const { colour, rgb } of sceneOf("train", number).shapes)
          rgb.forEach((level, channel) => {
            expect(Math.abs(level - COLOUR_RGB[colour][channel])).toBeLessThanOrEqual(COLOUR_JITTER);
          });
      }),
    );
  });

  it("follows from split and seed alone, and is plain JSON", () => {
    fc.assert(
      fc.property(split, seed, (one, number) => {
        const scene = sceneOf(one, number);
        expect(sceneOf(one, number)).toEqual(scene);
        expect(JSON.parse(JSON.stringify(scene))).toEqual(scene);
      }),
    );
  });

  it("makes another scene of the same seed in another split", () => {
    fc.assert(
      fc.property(seed, (number) => {
        const contents = SPLITS.map((one) => JSON.stringify(sceneOf(one, number).shapes));
        expect(new Set(contents).size).toBe(SPLITS.length);
      }),
    );
  });

  it("keeps held-out pairs out of training, tuning and test, and in every compositional scene", () => {
    fc.assert(
      fc.property(seed, (number) => {
        for (const one of ["train", "tuning", "test"] as const)
          expect(sceneOf(one, number).shapes.some(isHeldOut)).toBe(false);
        expect(sceneOf("compositional", number).shapes.some(isHeldOut)).toBe(true);
      }),
    );
  });

  it("has each number of shapes equally often, plain and textured backgrounds, and noise from none to some", () => {
    const scenes = Array.from({ length: 4000 }, (_, i) => sceneOf("train", i));
    for (let count = 2; count <= 6; count++)
      expect(scenes.filter(({ shapes }) => shapes.length === count).length / scenes.length).toBeCloseTo(0.2, 1);
    const textures = new Set(scenes.map(({ background }) => background.texture));
    expect([...textures].sort()).toEqual(["checks", "dots", "plain", "stripes"]);
    const noise = scenes.map((scene) => scene.noise);
    expect(Math.min(...noise)).toBeLessThan(0.2);
    expect(Math.max(...noise)).toBeGreaterThan(5.8);
  });

  it("refuses a seed that is out of range", () => {
    expect(() => sceneOf("train", -1)).toThrow(UsageError);
  });
});
