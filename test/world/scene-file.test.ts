import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";
import { rasterScene, SCENE_FILE_SIDE } from "../../src/world/raster.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { sceneFile, sceneIn } from "../../src/world/scene-file.ts";
import { SEEDS_PER_SPLIT, SPLITS } from "../../src/world/splits.ts";
import { temporaryFolder } from "../cli/support.ts";

const folder = temporaryFolder();
const file = (bytes: Uint8Array, name = "picture"): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const scene = sceneOf("test", 11);
const drawn = await sceneFile(scene);

describe("sceneFile", () => {
  it("is the picture of the scene without noise", async () => {
    const { data, info } = await sharp(drawn).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([SCENE_FILE_SIDE, SCENE_FILE_SIDE, 3]);
    expect(Buffer.compare(data, rasterScene(scene, SCENE_FILE_SIDE))).toBe(0);
    expect((await sharp(drawn).metadata()).format).toBe("png");
  });

  it("says which scene it is, for every split and seed", async () => {
    const seeds = fc.integer({ min: 0, max: SEEDS_PER_SPLIT - 1 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...SPLITS), seeds, async (split, seed) => {
        const one = sceneOf(split, seed);
        expect(await sceneIn(file(await sceneFile(one)))).toEqual(one);
      }),
      { numRuns: 8 },
    );
  });
});

describe("sceneIn", () => {
  it.each<[string, (picture: Sharp) => Sharp]>([
    ["smaller", (picture) => picture.resize(200)],
    ["as JPEG", (picture) => picture.jpeg({ quality: 75 })],
    ["as WebP with alpha", (picture) => picture.ensureAlpha().webp()],
  ])("knows a scene %s", async (_, change) => {
    expect(await sceneIn(file(await change(sharp(drawn).keepXmp()).toBuffer()))).toEqual(scene);
  });

  it("knows a scene whose packet another program wrote", async () => {
    const elements = "<rdf:li><nuwa:split>test</nuwa:split><nuwa:seed>11</nuwa:seed></rdf:li>";
    expect(await sceneIn(file(await sharp(drawn).withXmp(elements).toBuffer()))).toEqual(scene);
  });

  const spot = (side: number) =>
    Buffer.from(`<svg width="${side}" height="${side}"><rect width="${side}" height="${side}" fill="#e42020"/></svg>`);
  it.each<[string, (picture: Sharp) => Sharp]>([
    ["with one more shape", (picture) => picture.composite([{ input: spot(64), left: 4, top: 4 }])],
    ["cut at an edge", (picture) => picture.extract({ left: 24, top: 24, width: 456, height: 456 })],
    ["turned", (picture) => picture.rotate(90)],
    ["of another seed", (picture) => picture.withXmp('<a nuwa:split="test" nuwa:seed="12"/>')],
  ])("says that a scene %s has changed", async (_, change) => {
    expect(await sceneIn(file(await change(sharp(drawn).keepXmp()).png().toBuffer()))).toBe("changed");
  });

  it.each([
    ["no packet", undefined],
    ["a packet about something else", '<a dc:title="a scene"/>'],
    ["an unknown split", '<a nuwa:split="exam" nuwa:seed="11"/>'],
    ["a seed out of range", '<a nuwa:split="test" nuwa:seed="1073741824"/>'],
    ["a seed that is no number", '<a nuwa:split="test" nuwa:seed="x"/>'],
  ])("knows no scene where there is %s", async (_, xmp) => {
    const plain = sharp(drawn);
    expect(await sceneIn(file(await (xmp ? plain.withXmp(xmp) : plain).png().toBuffer()))).toBeUndefined();
  });

  it("knows no scene in a drawing, which it does not render", async () => {
    expect(await sceneIn(file(spot(10)))).toBeUndefined();
  });

  it("refuses a damaged file in one line", async () => {
    await expect(sceneIn(file(drawn.subarray(0, 20), "cut.png"))).rejects.toThrow(NuwaError);
  });
});
