import { deflateSync } from "node:zlib";

/** A picture to be written. */
export interface Drawn {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel, row by row. */
  readonly pixels: Uint8Array;
}

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
 *
 * @param xmp a packet about the picture (XMP specification part 3, 1.1.5)
 */
export function png(
  { width, height, pixels }: Drawn,
  palette: boolean,
  filters: readonly number[],
  xmp?: Uint8Array,
): Buffer {
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
    ...(xmp ? [chunk("iTXt", Buffer.concat([Buffer.from("XML:com.adobe.xmp\0\0\0\0\0"), xmp]))] : []),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** TIFF 6.0, baseline: one strip, not compressed. */
export function tiff({ width, height, pixels }: Drawn, little: boolean): Buffer {
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
export const portable = ({ width, height, pixels }: Drawn) =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), pixels]);

/** Bits, of which the first is the lowest of the first byte. */
function packed(bits: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) bytes[i >> 3] |= bit << (i & 7);
  return bytes;
}

/** The bits of a number, the lowest first. */
const lowFirst = (value: number, count: number) => Array.from({ length: count }, (_, i) => (value >> i) & 1);
const highFirst = (value: number, count: number) => lowFirst(value, count).reverse();

/**
 * GIF89a in which each pixel has a colour of its own: at most 126 of them, so that codes have 8 bits to the end.
 *
 * @param local whether the colours are those of the first frame, not of the file
 * @param more whether a second frame follows, whose colours are the others of each pixel
 */
export function gif({ width, height, pixels }: Drawn, local: boolean, more: boolean): Buffer {
  const table = (levels: Uint8Array) => Buffer.concat([levels, Buffer.alloc(3 * 128 - levels.length)]);
  const [clear, end, bits] = [128, 129, 7];
  const frame = (levels: Uint8Array | undefined) => {
    const codes = [clear, ...Array.from({ length: width * height }, (_, i) => i), end];
    return Buffer.concat([
      Buffer.of(0x2c),
      numbers(2, [0, 0, width, height], true),
      Buffer.of(levels ? 0x80 | (bits - 1) : 0),
      levels ? table(levels) : Buffer.alloc(0),
      Buffer.of(bits, codes.length, ...codes, 0),
    ]);
  };
  return Buffer.concat([
    Buffer.from("GIF89a"),
    numbers(2, [width, height], true),
    Buffer.of(local ? 0x60 : 0xe0 | (bits - 1), 0, 0),
    local ? Buffer.alloc(0) : table(pixels),
    frame(local ? pixels : undefined),
    more ? frame(pixels.map((level) => 255 - level)) : Buffer.alloc(0),
    Buffer.of(0x3b),
  ]);
}

/** WebP, lossless (RFC 9649, section 3): no transform, and codes of 8 bits for each of green, red and blue. */
export function webp({ width, height, pixels }: Drawn): Buffer {
  // Lengths of codes are written by codes of one bit: 0 for none and 1 for eight, which stand third and twelfth.
  const order = Array.from({ length: 12 }, (_, i) => lowFirst(i === 2 || i === 11 ? 1 : 0, 3)).flat();
  const eightBits = (others: number) => [
    ...[0, ...lowFirst(12 - 4, 4), ...order, 0],
    ...[...Array<number>(256).fill(1), ...Array<number>(others).fill(0)],
  ];
  const bits = [
    ...[...lowFirst(0x2f, 8), ...lowFirst(width - 1, 14), ...lowFirst(height - 1, 14), 0, ...lowFirst(0, 3)],
    // No transform, no cache of colours, one group of codes.
    ...[0, 0, 0],
    // Green, with 24 lengths of repetitions that do not occur.
    ...[...eightBits(24), ...eightBits(0), ...eightBits(0)],
    // Alpha is 255 everywhere, and there are no distances: a code of one symbol takes no bit.
    ...[...[1, 0, 1, ...lowFirst(255, 8)], ...[1, 0, 0, 0]],
    ...Array.from({ length: width * height }, (_, i) =>
      [1, 0, 2].flatMap((channel) => highFirst(pixels[3 * i + channel], 8)),
    ).flat(),
  ];
  const data = packed(bits);
  const even = Buffer.concat([data, Buffer.alloc(data.length % 2)]);
  return Buffer.concat([
    Buffer.from("RIFF"),
    numbers(4, [12 + even.length], true),
    Buffer.from("WEBPVP8L"),
    numbers(4, [data.length], true),
    even,
  ]);
}

/**
 * JPEG (ITU-T T.81), baseline, in grey: blocks of one level each, whose only coefficient is the mean, not quantised.
 *
 * @param drawn red is the level of a block at its first pixel
 * @returns the file, and the picture that it holds
 */
export function jpeg({ width, height, pixels }: Drawn): { readonly bytes: Buffer; readonly held: Drawn } {
  const [across, down] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const levels = Array.from(
    { length: across * down },
    (_, i) => pixels[3 * (8 * Math.floor(i / across) * width + 8 * (i % across))],
  );
  const segment = (marker: number, ...data: number[]) =>
    Buffer.concat([Buffer.of(0xff, marker), numbers(2, [data.length + 2]), Buffer.from(data)]);
  /** Codes of one length for the symbols 0, 1, … */
  const codes = (kind: number, length: number, count: number) => {
    const counts = Array.from({ length: 16 }, (_, i) => (i + 1 === length ? count : 0));
    return segment(0xc4, kind, ...counts, ...Array.from({ length: count }, (_, i) => i));
  };
  let before = 0;
  const bits = levels.flatMap((level) => {
    // A mean is eight times the level, and its difference to the one before is written.
    const difference = 8 * (level - 128) - before;
    before += difference;
    const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
    // Its size in four bits, then the difference; no other coefficient is a single 0.
    return [...highFirst(size, 4), ...highFirst(difference < 0 ? difference + 2 ** size - 1 : difference, size), 0];
  });
  const filled = [...bits, ...Array<number>((8 - (bits.length % 8)) % 8).fill(1)];
  const scan = Array.from({ length: filled.length / 8 }, (_, i) =>
    filled.slice(8 * i, 8 * i + 8).reduce((byte, bit) => 2 * byte + bit, 0),
  ).flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte]));
  const bytes = Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xdb, 0, ...Array<number>(64).fill(1)),
    segment(0xc0, 8, 0, height, 0, width, 1, 1, 0x11, 0),
    ...[codes(0, 4, 12), codes(0x10, 1, 1)],
    segment(0xda, 1, 1, 0, 0, 63, 0),
    Buffer.from([...scan, 0xff, 0xd9]),
  ]);
  const of = (x: number, y: number) => levels[Math.floor(y / 8) * across + Math.floor(x / 8)];
  const held = Uint8Array.from(pixels, (_, i) => of(Math.floor(i / 3) % width, Math.floor(i / 3 / width)));
  return { bytes, held: { width, height, pixels: held } };
}
