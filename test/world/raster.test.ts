import { describe, expect, it } from "vitest";
import { rasterScene } from "../../src/world/raster.ts";
import { renderScenes } from "../../src/world/rendering.ts";
import { type Scene, sceneOf } from "../../src/world/scene.ts";

const scenes: readonly Scene[] = Array.from({ length: 20 }, (_, seed) => ({ ...sceneOf("test", seed), noise: 0 }));

describe("rasterScene", () => {
  it("paints what renderScenes draws, but for edges", async () => {
    for (const side of [96, 480]) {
      const some = side === 96 ? scenes : scenes.slice(0, 3);
      const drawn = await renderScenes(some, side);
      for (const [i, scene] of some.entries()) {
        const differences = rasterScene(scene, side).map((value, at) => Math.abs(value - drawn[i][at]));
        const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
        expect(differences.length).toBe(side * side * 3);
        expect(mean, `scene ${i} at ${side} pixels`).toBeLessThan(0.6);
        expect(
          differences.reduce((most, value) => Math.max(most, value), 0),
          `scene ${i} at ${side} pixels`,
        ).toBeLessThan(40);
      }
    }
  });

  it("gives equal pixels for equal scenes and other ones for others", () => {
    const [one, other] = scenes;
    expect(rasterScene(structuredClone(one), 96)).toEqual(rasterScene(one, 96));
    expect(rasterScene(other, 96)).not.toEqual(rasterScene(one, 96));
    const [first, ...rest] = one.shapes;
    expect(rasterScene({ ...one, shapes: rest }, 96)).not.toEqual(rasterScene(one, 96));
    expect(rasterScene({ ...one, shapes: [first] }, 96)).not.toEqual(rasterScene({ ...one, shapes: [] }, 96));
  });

  it("gives no noise, whatever the scene says, and later shapes lie over earlier ones", () => {
    const [scene] = scenes;
    expect(rasterScene({ ...scene, ...{ noise: 9 } }, 96)).toEqual(rasterScene(scene, 96));
    const [box, rgb] = [[0.25, 0.25, 0.75, 0.75], scene.shapes[0].rgb] as const;
    const square = { shape: "square", colour: "red", size: "large", box, rgb } as const;
    const pixels = rasterScene({ ...scene, shapes: [{ ...square, rgb: [1, 2, 3] }, square] }, 64);
    const middle = (32 * 64 + 32) * 3;
    expect([...pixels.subarray(middle, middle + 3)]).toEqual([...rgb]);
  });

  it("a pixel's colour is the mean of its points: an edge that halves it gives half of both", () => {
    const background = { texture: "plain", tone: [0, 0, 0], secondTone: [0, 0, 0], period: 0.1, angle: 0 } as const;
    const half = { shape: "square", colour: "white", size: "large", rgb: [200, 100, 50] } as const;
    const pixels = rasterScene({ background, shapes: [{ ...half, box: [0.125, 0, 1, 1] }] }, 4);
    expect([...pixels.subarray(0, 6)]).toEqual([100, 50, 25, 200, 100, 50]);
  });
});
