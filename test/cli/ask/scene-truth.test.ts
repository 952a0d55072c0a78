import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { describeMark, describeTruth, knownOf, markOf } from "../../../src/cli/ask/scene-truth.ts";
import { sceneOf } from "../../../src/world/scene.ts";
import { sceneFile } from "../../../src/world/scene-file.ts";
import { temporaryFolder } from "../support.ts";

const scene = sceneOf("test", 11);
const folder = temporaryFolder();
const file = join(folder, "scene.png");
writeFileSync(file, await sceneFile(scene));
const [triangle] = scene.shapes.filter(({ colour, shape }) => colour === "white" && shape === "triangle");

describe("what is known of a question", () => {
  it("is its answer where the picture is a scene and the question one of the world's", async () => {
    const { truth, note } = await knownOf([file], "Where is the white triangle?");
    expect(note).toBeUndefined();
    const answer = "[0.41, 0.47, 0.64, 0.67]";
    expect(truth).toEqual({ split: "test", seed: 11, family: "grounding", answer, box: triangle.box });
    expect(truth && describeTruth(truth)).toBe(`${answer} (scene 11 of test, grounding)`);
  });

  it("is that the question is another one", async () => {
    const { truth, note } = await knownOf([file], "Where is the triangle?");
    expect(truth).toBeUndefined();
    expect(note).toMatch(/^this is scene 11 of test, but the question is none of the world's, or does not mean one/);
  });

  it("is that the picture was changed", async () => {
    const changed = join(folder, "changed.png");
    await sharp(file).keepXmp().negate().toFile(changed);
    const { truth, note } = await knownOf([changed], "Where is the white triangle?");
    expect(truth).toBeUndefined();
    expect(note).toMatch(/was changed since it was drawn: nothing is marked$/);
  });

  it("is nothing for a photograph, for several pictures and for none", async () => {
    const photograph = fileURLToPath(new URL("../../../docs/images/coffee.png", import.meta.url));
    for (const paths of [[photograph], [file, file], []])
      expect(await knownOf(paths, "Where is the white triangle?")).toEqual({});
  });
});

describe("marks", () => {
  const truth = { split: "test", seed: 11, family: "grounding", answer: "", box: [0.4, 0.4, 0.6, 0.6] } as const;
  const unit = { width: 1, height: 1 };
  it.each([
    ["[0.4, 0.4, 0.6, 0.52]", "right (IoU 0.60)"],
    ["[0.4, 0.4, 0.6, 0.48]", "wrong (IoU 0.40)"],
    ["no", "wrong (IoU 0.00)"],
  ])("compare a box with the exact one: %s is %s", (answer, words) => {
    expect(describeMark(markOf(truth, answer, unit))).toBe(words);
  });

  it("compare boxes in pixels in the unit of the model", () => {
    const pixels = { width: 100, height: 100 };
    expect(describeMark(markOf(truth, "[40, 40, 60, 52]", pixels))).toBe("right (IoU 0.60)");
  });

  it("compare words", () => {
    const word = { split: "test", seed: 11, family: "colour", answer: "cyan" } as const;
    expect(describeMark(markOf(word, " Cyan", unit))).toBe("right");
    expect(describeMark(markOf(word, "blue", unit))).toBe("wrong");
  });
});
