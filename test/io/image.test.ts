import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp, { type WriteableMetadata } from "sharp";
import { describe, expect, it } from "vitest";
import { preprocess } from "../../src/io/image.ts";
import { openSafetensors, readTensor } from "../../src/io/safetensors.ts";
import { type LlavaPreprocessingOptions, llavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import { DEFAULT_MEAN, DEFAULT_STD, HALF } from "../../src/model/processor-fields.ts";
import { fixture, refusalOf, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();
const spec = (imageSize: readonly [number, number], aspect: LlavaPreprocessingOptions["aspect"] = "crop") =>
  llavaPreprocessing({ imageSize, mean: DEFAULT_MEAN, std: DEFAULT_STD, aspect });
const save = (name: string, bytes: Buffer | string) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
/** Red channel of what the model sees, row by row. */
async function reds(path: string, imageSize: readonly [number, number], aspect?: LlavaPreprocessingOptions["aspect"]) {
  const { pixels, width, height } = (await preprocess(path, spec(imageSize, aspect))).pictures[0];
  expect([height, width]).toEqual(imageSize);
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => pixels[(y * width + x) * 3]));
}
/** A lossless file whose pixels are grey, with these levels row by row. */
const grid = (rows: number[][], options: WriteableMetadata = {}) =>
  sharp(Buffer.from(rows.flat().flatMap((level) => [level, level, level])), {
    raw: { width: rows[0].length, height: rows.length, channels: 3 },
  })
    .withMetadata(options)
    .png()
    .toBuffer();

describe("preprocess", () => {
  const expected = openSafetensors(fixture("preprocess", "expected.safetensors"));
  it.each(["photo", "tall", "alpha"])("gives the levels of Pillow and transformers for %s", async (name) => {
    for (const aspect of ["crop", "pad"] as const) {
      const how = spec([42, 42], aspect);
      const { pixelValues } = await preprocess(fixture("preprocess", `${name}.png`), how);
      const wanted = readTensor(expected, `${name}.${aspect}`);
      expect(pixelValues.shape).toEqual(wanted.shape);
      const differences = pixelValues.values.map(
        (value, i) => Math.abs(value - wanted.values[i]) * how.std[Math.floor(i / 42 ** 2)] * 255,
      );
      expect(Math.max(...differences)).toBeLessThan(1e-4);
    }
  });

  it.each(["photo", "tall", "alpha"])("gives the levels of SigLIP's processor for %s", async (name) => {
    const how = llavaPreprocessing({ imageSize: [42, 28], mean: HALF, std: HALF, aspect: "stretch" });
    const { pixelValues } = await preprocess(fixture("preprocess", `${name}.png`), how);
    const wanted = readTensor(expected, `${name}.stretch`);
    expect(pixelValues.shape).toEqual(wanted.shape);
    const differences = pixelValues.values.map((value, i) => Math.abs(value - wanted.values[i]));
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });

  it("gives pixel values that are the normalised picture, channel by channel", async () => {
    const how = llavaPreprocessing({ imageSize: [8, 6], mean: [0.1, 0.2, 0.3], std: [1, 2, 4], aspect: "crop" });
    const {
      pictures: [picture],
      pixelValues,
    } = await preprocess(fixture("preprocess", "photo.png"), how);
    expect(pixelValues.shape).toEqual([3, 8, 6]);
    for (const [i, value] of pixelValues.values.entries()) {
      const channel = Math.floor(i / 48);
      expect(value).toBeCloseTo(
        (picture.pixels[(i % 48) * 3 + channel] / 255 - how.mean[channel]) / how.std[channel],
        6,
      );
    }
  });

  it("crops the centre, an odd pixel less on the left and above", async () => {
    expect(await reds(save("wide.png", await grid([[1, 2, 3, 4, 5]])), [1, 2])).toEqual([[2, 3]]);
    expect(await reds(save("high.png", await grid([[1], [2], [3], [4]])), [1, 1])).toEqual([[2]]);
  });

  it("cuts a fraction off the longer edge before it centres", async () => {
    // 5 × 4 covers 2 × 2 as ⌊2.5⌋ × 2: all columns are seen, so the mirror symmetry stays.
    const rows: number[][] = Array(4).fill([10, 50, 90, 50, 10]);
    for (const row of await reds(save("five.png", await grid(rows)), [2, 2])) expect(row[0]).toBe(row[1]);
    const [above, below] = await reds(save("high five.png", await grid(rows[0].map((v) => Array(4).fill(v)))), [2, 2]);
    expect(above).toEqual(below);
  });

  it("pads around the centre with the mean colour, an odd row less above", async () => {
    const path = save("strip.png", await grid([[7, 8, 9, 10]]));
    expect(await reds(path, [4, 4], "pad")).toEqual([
      [122, 122, 122, 122],
      [7, 8, 9, 10],
      [122, 122, 122, 122],
      [122, 122, 122, 122],
    ]);
    const { pictures } = await preprocess(path, spec([4, 4], "pad"));
    expect([...pictures[0].pixels.subarray(0, 3)]).toEqual([122, 116, 104]);
  });

  it("covers or fills a target that is not square, keeping proportions", async () => {
    const square = save(
      "square.png",
      await grid([
        [1, 1, 1, 1],
        [2, 2, 2, 2],
        [3, 3, 3, 3],
        [4, 4, 4, 4],
      ]),
    );
    expect(await reds(square, [2, 4])).toEqual([
      [2, 2, 2, 2],
      [3, 3, 3, 3],
    ]);
    expect(await reds(square, [4, 8], "pad")).toEqual([1, 2, 3, 4].map((v) => [122, 122, v, v, v, v, 122, 122]));
    expect(await reds(square, [4, 2])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
  });

  it("sees one pixel as well as a very long strip", async () => {
    expect(await reds(save("one.png", await grid([[9]])), [3, 2])).toEqual(Array(3).fill([9, 9]));
    const strip = save("long.png", await grid([Array(30_000).fill(9)]));
    expect(await reds(strip, [2, 2])).toEqual([
      [9, 9],
      [9, 9],
    ]);
    expect((await reds(strip, [4, 4], "pad")).map(([red]) => red)).toEqual([122, 122, 122, 122]);
  });

  it("takes of a picture of 1 × 1,000,000 pixels what its crop needs, and refuses longer ones", async () => {
    const strip = (height: number) =>
      sharp({ create: { width: 1, height, channels: 3, background: "#090909" } })
        .png({ compressionLevel: 1 })
        .toBuffer();
    const path = save("million.png", await strip(1e6));
    const start = performance.now();
    for (const row of await reds(path, [336, 336])) expect(new Set(row)).toEqual(new Set([9]));
    await reds(path, [4, 4], "pad");
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await refusalOf(preprocess(save("longer.png", await strip(1e6 + 1)), spec([4, 4])))).toMatch(
      /longer\.png: 1 × 1000001 pixels, more than the 1000000 on a side allowed\. Make it smaller\.$/,
    );
  });

  it("turns the image upright as EXIF says", async () => {
    const upright = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const turned = [
      [4, 1],
      [5, 2],
      [6, 3],
    ];
    const mirror = (rows: number[][]) => rows.map((row) => [...row].reverse());
    const flip = (rows: number[][]) => [...rows].reverse();
    const byOrientation = [
      upright,
      mirror(upright),
      mirror(flip(upright)),
      flip(upright),
      mirror(turned),
      turned,
      flip(turned),
      mirror(flip(turned)),
    ];
    for (const [i, wanted] of byOrientation.entries()) {
      const path = save("turned.png", await grid(upright, { orientation: i + 1 }));
      const size = [wanted.length, wanted[0].length] as const;
      expect(await reds(path, size), `orientation ${i + 1}`).toEqual(wanted);
    }
  });

  it("shows the colour below transparent pixels, as Pillow does, but draws SVG on white", async () => {
    const clear = { create: { width: 4, height: 4, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } } } as const;
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';
    for (const [name, bytes, level] of [
      ["rgba.png", await sharp(clear).png().toBuffer(), 9],
      ["grey-alpha.png", await sharp(clear).toColourspace("b-w").png().toBuffer(), 9],
      ["16 bits.png", await sharp(clear).toColourspace("rgb16").png().toBuffer(), 9],
      ["rgba.webp", await sharp(clear).webp({ lossless: true, exact: true }).toBuffer(), 9],
      ["clear.svg", svg, 255],
      ["clear.svgz", gzipSync(svg), 255],
    ] as const)
      for (const aspect of ["crop", "pad"] as const)
        expect((await reds(save(name, bytes), [4, 4], aspect))[0], name).toEqual(Array(4).fill(level));
  });

  it("reads depths, colour spaces, palettes and formats, and ignores profiles and later frames", async () => {
    const flat = (r: number, g: number, b: number) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: { r, g, b } } });
    const frames = Buffer.concat([await flat(200, 100, 40).raw().toBuffer(), await flat(0, 0, 0).raw().toBuffer()]);
    const animation = sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } });
    const near = [200, 100, 40];
    const wideGamut = await flat(200, 100, 40).withIccProfile("p3").png().toBuffer();
    const stored = [...(await sharp(wideGamut, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3)];
    expect(stored).not.toEqual(near);
    const files: [string, Buffer | string, number[], number][] = [
      ["rgb16.png", await flat(200, 100, 40).toColourspace("rgb16").png().toBuffer(), near, 1],
      ["wide gamut.png", wideGamut, stored, 0],
      ["grey.png", await flat(90, 90, 90).toColourspace("b-w").png().toBuffer(), [90, 90, 90], 0],
      ["palette.png", await flat(200, 100, 40).png({ palette: true }).toBuffer(), near, 0],
      ["photo.jpg", await flat(200, 100, 40).jpeg({ quality: 100 }).toBuffer(), near, 3],
      ["photo.avif", await flat(200, 100, 40).avif({ lossless: true }).toBuffer(), near, 3],
      ["photo.tiff", await flat(200, 100, 40).tiff().toBuffer(), near, 3],
      ["moving.gif", await animation.clone().gif().toBuffer(), near, 3],
      ["moving.webp", await animation.clone().webp({ lossless: true }).toBuffer(), near, 0],
      [
        "scene.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path fill="#c86428" d="M0 0h8v8H0z"/></svg>',
        near,
        0,
      ],
    ];
    for (const [name, bytes, wanted, tolerance] of files) {
      const { pixels } = (await preprocess(save(name, bytes), spec([4, 4]))).pictures[0];
      const worst = Math.max(...pixels.map((level, i) => Math.abs(level - wanted[i % 3])));
      expect(worst, `${name}: ${pixels.slice(0, 3)}`).toBeLessThanOrEqual(tolerance);
    }
  });

  it("refuses what is not a whole image, naming the file and what would do", async () => {
    const photo = readFileSync(fixture("preprocess", "photo.png"));
    const jpeg = await sharp(photo).jpeg().toBuffer();
    mkdirSync(join(folder, "folder.png"));
    const files = [
      save("text.png", "not an image at all"),
      save("empty.png", ""),
      save("cut.png", photo.subarray(0, photo.length / 2)),
      save("cut.jpg", jpeg.subarray(0, jpeg.length / 2)),
      save("head.png", photo.subarray(0, 30)),
      save("broken.svg", "<svg"),
    ];
    for (const path of files)
      expect(await refusalOf(preprocess(path, spec([4, 4])))).toMatch(
        new RegExp(`^${path}: cannot be read as an image \\(.+\\)\\. Give a whole JPEG`),
      );
    expect(await refusalOf(preprocess(join(folder, "folder.png"), spec([4, 4])))).toMatch(/is not a file/);
    expect(await refusalOf(preprocess(join(folder, "none.png"), spec([4, 4])))).toMatch(/ENOENT.*Check the path/);
  });

  it("refuses files and images that are too large before decoding them", async () => {
    const huge = save("huge.png", "");
    truncateSync(huge, 64 * 2 ** 20 + 1);
    expect(await refusalOf(preprocess(huge, spec([4, 4])))).toMatch(/huge\.png: 67108865 bytes, more than/);
    const large = save("large.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="5001"/>');
    expect(await refusalOf(preprocess(large, spec([4, 4])))).toMatch(
      /large\.svg: 20000 × 5001 pixels, more than the 100 megapixels/,
    );
  });

  it.each([
    ['width="1e9" height="10"', "1000000000 × 10"],
    ['viewBox="0 0 1e9 2e9"', "1000000000 × 2000000000"],
    ["height='40000px' viewBox='0 0 1 2'", "20000 × 40000"],
    ['data-a=">" width="1e5in" height="1"', "9600000 × 1"],
    ['style="width:1px" width="1" viewBox="0 0 1e-9 1"', "1 × 1000000000"],
  ])("refuses an SVG that declares too much before it is rendered: %s", async (attributes, size) => {
    const path = save(
      "vast.svg",
      `<?xml version="1.0"?>\n<!-- <svg width="2" height="2"> -->\n<svg ${attributes} ` +
        `xmlns="http://www.w3.org/2000/svg"/>`,
    );
    expect(await refusalOf(preprocess(path, spec([4, 4])))).toBe(
      `${path}: declares ${size} pixels, more than the 32767 that an SVG may have on a side. Make it smaller.`,
    );
  });
});
