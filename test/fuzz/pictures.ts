import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { preprocess } from "../../src/io/image.ts";
import { llavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import type { PreparedImage, Preprocessing } from "../../src/model/preprocessing.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

interface Drawn {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel, row by row. */
  readonly pixels: Uint8Array;
}

const drawn: fc.Arbitrary<Drawn> = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
      .map((pixels) => ({ width, height, pixels })),
  );

/** Numbers of some bytes each, big-endian or little-endian. */
function numbers(bytes: number, list: readonly number[], little = false): Buffer {
  const buffer = Buffer.alloc(bytes * list.length);
  for (const [i, value] of list.entries())
    if (little) buffer.writeUIntLE(value, i * bytes, bytes);
    else buffer.writeUIntBE(value, i * bytes, bytes);
  return buffer;
}

/** W3C PNG, annex D. */
function checksum(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return (rest ^ 0xffffffff) >>> 0;
}

/**
 * W3C PNG with 8 bits: colours as they are, or in a palette. Rows are filtered by the difference to the pixel on the
 * left, to the one above, or not.
 */
function png({ width, height, pixels }: Drawn, palette: boolean, filters: readonly number[]): Buffer {
  const chunk = (name: string, data: Uint8Array) => {
    const named = Buffer.concat([Buffer.from(name), data]);
    return Buffer.concat([numbers(4, [data.length]), named, numbers(4, [checksum(named)])]);
  };
  const samples = palette ? Uint8Array.from({ length: width * height }, (_, i) => i) : pixels;
  const wide = samples.length / height;
  const step = wide / width;
  const rows = Array.from({ length: height }, (_, y) => {
    const filter = filters[y % filters.length];
    const left = (x: number) => (filter === 1 && x >= step ? samples[y * wide + x - step] : 0);
    const above = (x: number) => (filter === 2 && y > 0 ? samples[(y - 1) * wide + x] : 0);
    const own = Array.from({ length: wide }, (_, x) => (samples[y * wide + x] - left(x) - above(x)) & 255);
    return Buffer.from([filter, ...own]);
  });
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", Buffer.concat([numbers(4, [width, height]), Buffer.of(8, palette ? 3 : 2, 0, 0, 0)])),
    ...(palette ? [chunk("PLTE", pixels)] : []),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** TIFF 6.0, baseline: one strip, not compressed. */
function tiff({ width, height, pixels }: Drawn, little: boolean): Buffer {
  const short = (tag: number, value: number) =>
    Buffer.concat([numbers(2, [tag, 3], little), numbers(4, [1], little), numbers(2, [value, 0], little)]);
  const long = (tag: number, value: number, count = 1, type = 4) =>
    Buffer.concat([numbers(2, [tag, type], little), numbers(4, [count, value], little)]);
  const [directory, entries] = [8, 10];
  const bits = directory + 2 + 12 * entries + 4;
  return Buffer.concat([
    Buffer.from(little ? "II" : "MM"),
    numbers(2, [42], little),
    numbers(4, [directory], little),
    numbers(2, [entries], little),
    ...[short(256, width), short(257, height), long(258, bits, 3, 3), short(259, 1), short(262, 2)],
    ...[long(273, bits + 6), short(277, 3), short(278, height), long(279, pixels.length), short(284, 1)],
    numbers(4, [0], little),
    numbers(2, [8, 8, 8], little),
    pixels,
  ]);
}

/** Formats that may be refused as such; of what is not, the levels are known all the same. */
const portable = ({ width, height, pixels }: Drawn) =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), pixels]);

const whole = fc
  .tuple(
    drawn,
    fc.constantFrom("png", "palette", "tiff", "tiff, little-endian"),
    fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
  )
  .map(([picture, format, filters]): Case => {
    const bytes = format.startsWith("tiff")
      ? tiff(picture, format !== "tiff")
      : png(picture, format === "palette", filters);
    return { bytes, wanted: [picture.width, picture.height, ...picture.pixels] };
  });
const refusable = drawn.map((picture): Case => ({ bytes: portable(picture) }));

const usual = llavaPreprocessing({ imageSize: [8, 8], mean: [0, 0, 0], std: [1, 1, 1], aspect: "crop" });
/** Gives the decoded picture as it is. */
const asDecoded: Preprocessing = {
  ...usual,
  canvasOf: (size) => size,
  prepare: (picture) => ({ pictures: [{ ...picture, cellName: "pixels" }] }) as unknown as PreparedImage,
};

/** Files of pixels. */
export const pictures: Target = {
  name: "pictures",
  cases: 120,
  inputs: withDamage(fc.oneof(whole, refusable), [
    "IHDR",
    "IDAT",
    "PLTE",
    "II*\0",
    "GIF89a",
    "BM",
    "\xff\xd8\xff",
    "RIFF",
    "\0\0\0\0",
  ]),
  async read(path) {
    const { width, height, pixels } = (await preprocess(path, asDecoded)).pictures[0];
    if (pixels.length !== 3 * width * height) throw new Error(`has ${pixels.length} levels for ${width} × ${height}`);
    return [width, height, ...pixels];
  },
  decode(bytes) {
    const head = /^P6\n(\d{1,2}) (\d{1,2})\n255\n/.exec(bytes.toString("latin1", 0, 20));
    if (!head) return undefined;
    const [width, height, start] = [Number(head[1]), Number(head[2]), head[0].length];
    return [width, height, ...bytes.subarray(start, start + 3 * width * height)];
  },
};
