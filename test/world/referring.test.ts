import { describe, expect, it } from "vitest";
import { withAttributes } from "../../src/world/description.ts";
import { questionRandom } from "../../src/world/questions.ts";
import { REFERRING_STYLES, refer } from "../../src/world/referring.ts";
import { sceneOf } from "../../src/world/scene.ts";

const scenes = Array.from({ length: 300 }, (_, seed) => sceneOf("train", seed));

describe("refer", () => {
  it("finds a description in every style for most shapes", () => {
    for (const style of REFERRING_STYLES) {
      const found = scenes.flatMap((scene) =>
        scene.shapes.map((_, i) => refer(questionRandom(scene), scene, i, style) !== undefined),
      );
      expect(found.filter(Boolean).length / found.length, style).toBeGreaterThan(0.75);
    }
  });

  it("uses relations and locations mostly where the attributes named fit several shapes", () => {
    const count = (style: "place" | "relation"): { all: number; needed: number } => {
      const fitting = scenes.flatMap((scene) =>
        scene.shapes.flatMap((_, i) => {
          const description = refer(questionRandom(scene), scene, i, style);
          return description ? [withAttributes(scene, description).length] : [];
        }),
      );
      return { all: fitting.length, needed: fitting.filter((fits) => fits > 1).length };
    };
    const [place, relation] = [count("place"), count("relation")];
    expect(place.needed).toBe(place.all);
    expect(relation.needed / relation.all).toBeGreaterThan(0.5);
  });

  it("has no attribute description for a shape that has a twin", () => {
    const scene = scenes[0];
    const [first] = scene.shapes;
    const twins = { ...scene, shapes: [first, { ...first, box: [0.8, 0.8, 0.9, 0.9] as const }] };
    expect(refer(questionRandom(scene), twins, 0, "attributes")).toBeUndefined();
    expect(refer(questionRandom(scene), twins, 0, "relation")).toBeUndefined();
  });
});
