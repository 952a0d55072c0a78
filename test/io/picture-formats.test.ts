import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { firstFrame, placed } from "../../src/io/gif.ts";
import { preprocess } from "../../src/io/image.ts";
import { pictureFormat } from "../../src/io/picture-formats.ts";
import { firstOfTiff } from "../../src/io/tiff.ts";
import { llavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import { DEFAULT_MEAN, DEFAULT_STD } from "../../src/model/processor-fields.ts";
import { fixture, refusalOf, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();
const spec = llavaPreprocessing({ imageSize: [4, 4], mean: DEFAULT_MEAN, std: DEFAULT_STD, aspect: "crop" });
const bytes = (text: string) => Buffer.from(text, "latin1");
const modes = (name: string) => readFileSync(fixture("modes", name));

describe("files that are not read", () => {
  it.each([
    ["BMP", "BM\x46\0\0\0\0\0\0\0"],
    ["PBM, PGM, PPM or PFM", "P6\n2 2 255\n"],
    ["PBM, PGM, PPM or PFM", "P1 2 2"],
    ["JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"],
    ["JPEG 2000", "\xff\x4f\xff\x51"],
    ["JPEG XL", "\xff\n\xfa"],
    ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["MP4", "\0\0\0\x14ftypisom\0\0\0\0mp42"],
    // The brands end with their box.
    ["MP4", "\0\0\0\x14ftypisom\0\0\0\0mp42avif"],
    ["DICOM", `${"\0".repeat(128)}DICM`],
    ["ICO or CUR", "\0\0\x01\0\x01\0"],
    ["Photoshop", "8BPS\0\x01"],
    ["PDF", "%PDF-1.7\n"],
    ["AVI or WAVE", "RIFF\0\0\0\0AVI LIST"],
  ])("are named with the remedy: %s", async (name, start) => {
    const path = join(folder, "picture.png");
    writeFileSync(path, bytes(start));
    expect(await refusalOf(preprocess(path, spec))).toBe(
      `${path}: is in the format ${name}, which is not read. Convert it to PNG, for example with ImageMagick ` +
        '("magick FILE picture.png").',
    );
  });

  it.each([
    ["", "it is empty"],
    ["version https://git-lfs.github.com/spec/v1\n", "of no known format"],
    ["<!doctype html><title>Not found</title>", "text without an <svg> element"],
    ["GIF89a", "a GIF without a frame"],
    ["GIF89a\x03\0\x03\0\0\0\0,\0\0\0\0\0\0\x03\0\0\x02\0;", "a GIF whose frame has no pixels"],
    ["II*\0\x08\0\0\0", "a TIFF that ends before its first picture is described"],
    ["\x1f\x8b\x08nothing", "incorrect header check|invalid|unexpected end of file|unknown header flags set"],
  ])("are refused in a line: %j", async (start, reason) => {
    const path = join(folder, "picture.png");
    writeFileSync(path, bytes(start));
    expect(await refusalOf(preprocess(path, spec))).toMatch(
      new RegExp(`^${path}: cannot be read as an image \\((${reason})\\)\\. Give a whole JPEG, PNG`),
    );
  });

  it("do not reach the renderer of SVG under another name", () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
    for (const start of ["aaaaaaaaWEBP", "    ftypavif", "aaaaftypavif", "hello "])
      expect(pictureFormat(bytes(`${start}${" ".repeat(20)}${svg}`)), start).toBeUndefined();
    for (const start of ["", "\xef\xbb\xbf", "\n\t ", "<!-- -->"])
      expect(pictureFormat(bytes(start + svg)), start).toEqual({ read: "svg" });
  });
});

describe("first pictures", () => {
  it("are all that is left of a GIF, with every pixel opaque", async () => {
    const { bytes: first, frame, ground } = firstFrame(modes("moving.gif"));
    expect((await sharp(modes("moving.gif")).metadata()).pages).toBe(2);
    const { pages, hasAlpha } = await sharp(first).metadata();
    expect([pages ?? 1, hasAlpha]).toEqual([1, false]);
    expect(frame).toEqual({ left: 0, top: 0, width: 12, height: 9 });
    expect(ground).toHaveLength(3);
  });

  it("of a GIF stand where they are in a picture as large as the file says, or as they reach", () => {
    const file = modes("moving.gif");
    const start = file.indexOf(Buffer.of(0x2c, 0, 0, 0, 0, 12, 0, 9, 0));
    file.writeUInt16LE(3000, 6);
    file.writeUInt16LE(2, 8);
    file.writeUInt16LE(5, start + 1);
    file.writeUInt16LE(7, start + 3);
    const found = firstFrame(file);
    expect(found).toMatchObject({
      frame: { left: 5, top: 7, width: 12, height: 9 },
      size: { width: 3000, height: 16 },
    });
    const pixels = Uint8Array.from({ length: 3 * 12 * 9 }, (_, i) => i % 251);
    const whole = placed({ width: 12, height: 9, pixels }, found);
    const at = (x: number, y: number) => [...whole.pixels.subarray(3 * (3000 * y + x), 3 * (3000 * y + x) + 3)];
    expect([at(5, 7), at(16, 15)]).toEqual([[...pixels.subarray(0, 3)], [...pixels.subarray(-3)]]);
    for (const [x, y] of [
      [4, 7],
      [5, 6],
      [17, 7],
      [2999, 0],
    ])
      expect(at(x, y)).toEqual([...found.ground]);
  });

  it("of a GIF are refused where its data make up fewer pixels", () => {
    const file = modes("moving.gif");
    const start = file.indexOf(Buffer.of(0x2c, 0, 0, 0, 0, 12, 0, 9, 0));
    expect(() => firstFrame(file.subarray(0, start + 10 + 20))).toThrow("ends early");
    // One row more than there is.
    file.writeUInt16LE(10, start + 7);
    expect(() => firstFrame(file)).toThrow("a GIF whose first frame ends early");
  });

  it("are all that is left of a TIFF", async () => {
    // The same directory again and again: each links to the next.
    const file = modes("signed.tif");
    const directory = file.subarray(8, file.indexOf("\0\0\0\0", 8 + 2 + 12 * file.readUInt16BE(8)) + 4);
    const chain = Buffer.concat([file, ...Array(5000).fill(directory)]);
    for (let i = 0, at = 8; i < 5000; i++) {
      const next = file.length + i * directory.length;
      chain.writeUInt32BE(next, at + 2 + 12 * file.readUInt16BE(8));
      at = next;
    }
    expect((await sharp(chain).metadata()).pages).toBe(5001);
    expect((await sharp(firstOfTiff(chain)).metadata()).pages ?? 1).toBe(1);
  });

  it("of a TIFF in YCbCr are refused: libvips would show luma and chroma as red, green and blue", () => {
    const file = modes("white-is-0.tif");
    // The tag 262 with its value 0, made 6.
    const tag = file.indexOf(Buffer.of(1, 6, 0, 4));
    file.writeUInt32BE(6 * 2 ** 16, tag + 8);
    file.writeUInt16BE(3, tag + 2);
    expect(() => firstOfTiff(file)).toThrow("a TIFF in YCbCr that is not compressed as JPEG");
  });
});
