import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { questionRandom, questionsFor } from "../../src/world/questions.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { sceneFile } from "../../src/world/scene-file.ts";
import { listing, nuwa, temporaryFolder } from "./support.ts";

const scene = sceneOf("test", 11);
const questions = questionsFor(scene, questionRandom(scene));

describe("nuwa scene", () => {
  it("draws a scene of the test split and prints its shapes and its questions with the true answers", async () => {
    const file = join(temporaryFolder(), "new", "scene.png");
    const { code, out, err } = await nuwa("scene", "--seed", "11", "--out", file);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toBe(`scene      11 of test: ${scene.shapes.length} shapes`);
    expect(out).toContain("shape      medium white triangle [");
    for (const { family, text, answer } of questions)
      expect(
        lines.filter(
          (line) => line.startsWith(`${family} `) && line.includes(` ${text} `) && line.endsWith(` ${answer}`),
        ),
      ).toHaveLength(1);
    expect(lines).toHaveLength(2 + scene.shapes.length + questions.length);
    expect(lines.at(-1)).toBe(`wrote      ${file} (480×480 pixels)`);
    expect(readFileSync(file).equals(await sceneFile(scene))).toBe(true);
  });

  it("prints the same as JSON for a program, of the split that is asked for", async () => {
    const file = join(temporaryFolder(), "scene.png");
    const { out } = await nuwa("scene", "--seed", "7", "--split", "compositional", "--out", file, "--json");
    const other = sceneOf("compositional", 7);
    expect(JSON.parse(out)).toEqual({
      file,
      side: 480,
      scene: other,
      questions: questionsFor(other, questionRandom(other)),
    });
    expect(existsSync(file)).toBe(true);
  });

  const folder = temporaryFolder();
  writeFileSync(join(folder, "file"), "");
  it.each<[string, string[], number, RegExp]>([
    ["a seed below 0", ["--seed", "-1"], 2, /^nuwa: scene seed -1: must be an integer from 0 to 1073741823\.$/],
    ["a seed that is too large", ["--seed", "1073741824"], 2, /scene seed 1073741824/],
    ["a seed that is no integer", ["--seed", "1.5"], 2, /"1\.5" is not an integer/],
    ["no seed", [], 2, /--seed <integer>/],
    ["an unknown split", ["--seed", "1", "--split", "exam"], 2, /train, tuning, test, compositional/],
    ["another format", ["--seed", "1", "--out", "scene.jpg"], 2, /--out scene\.jpg: a scene is written as PNG/],
    ["no name", ["--seed", "1", "--out", ""], 2, /--out is empty/],
    ["a folder that is none", ["--seed", "1", "--out", join(folder, "file", "a.png")], 1, /file: is not a folder/],
  ])("refuses %s in one line and draws nothing", async (_, argv, code, message) => {
    const outcome = await nuwa("scene", ...(argv.includes("--out") ? [] : ["--out", join(folder, "a.png")]), ...argv);
    expect(outcome.err.trimEnd()).toMatch(message);
    expect(outcome.err.trimEnd().split("\n")).toHaveLength(1);
    expect([outcome.code, outcome.out]).toEqual([code, ""]);
    expect(listing(folder)).toEqual(["file"]);
  });
});
