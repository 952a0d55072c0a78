import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, it } from "vitest";
import { SCENE_FILE_SIDE } from "../../src/world/raster.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { sceneIn } from "../../src/world/scene-file.ts";
import type { Split } from "../../src/world/splits.ts";

const FOLDER = fileURLToPath(new URL("../../docs/images/", import.meta.url));

it("docs/images has the page at three widths, in less than 400 kB each", async () => {
  for (const width of [360, 1024, 2560]) {
    const path = `${FOLDER}page-${width}.png`;
    expect((await sharp(path).metadata()).width).toBe(width);
    expect(statSync(path).size).toBeLessThan(400_000);
  }
});

it("docs/images/README.md lists every clean scene with its split, seed, background and number of shapes", async () => {
  const rows = [...readFileSync(`${FOLDER}README.md`, "utf8").matchAll(/^ *\| `(scene-.+\.png)` .*\|$/gm)].map(
    ([line]) => line.split("|").map((cell) => cell.replaceAll("`", "").trim()),
  );
  const files = readdirSync(FOLDER).filter((name) => /^scene-.*\.png$/.test(name));
  expect(rows.map(([, name]) => name).sort()).toEqual(files.sort());
  expect(files.length).toBeGreaterThanOrEqual(6);
  for (const [, name, split, seed, background, shapes] of rows) {
    const scene = sceneOf(split as Split, Number(seed));
    expect(await sceneIn(`${FOLDER}${name}`), name).toEqual(scene);
    expect([background, shapes]).toEqual([scene.background.texture, String(scene.shapes.length)]);
    expect((await sharp(`${FOLDER}${name}`).metadata()).width).toBe(SCENE_FILE_SIDE);
  }
});
