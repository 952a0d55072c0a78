import type { Colour, Picture, Rectangle, Size } from "../core/resample.ts";

const EXTENSION = 0x21;
const CONTROL = 0xf9;
const FRAME = 0x2c;
const TRAILER = 0x3b;
/** In the flags of the file or of a frame: a table of 2^(1 + lowest three bits) colours follows. */
const HAS_TABLE = 0x80;
/** In the flags of a control block: one colour of the table is transparent. */
const IS_TRANSPARENT = 1;

/** The first frame of a GIF, hiding nothing, as a file of its own. */
export interface FirstFrame {
  /** A GIF that is this frame alone. */
  readonly bytes: Uint8Array;
  /** Where it stands in the picture. */
  readonly frame: Rectangle;
  /** Of the picture. */
  readonly size: Size;
  /** What Pillow puts around the frame: the transparent colour, else the first of the table. */
  readonly ground: Colour;
}

/**
 * The first frame of a GIF without its mark of transparency: decoders forget the colour of transparent pixels, which
 * Pillow's `convert("RGB")` shows. It is cut out, because libvips believes no large size that the file gives, and would
 * walk through all other frames. As in Pillow the picture is as large as the file says, or as its first frame reaches.
 *
 * @throws Error when there is no frame, or one without pixels or colours, or whose data make up fewer pixels
 * @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 */
export function firstFrame(file: Uint8Array): FirstFrame {
  const bytes = Buffer.from(file);
  let table = tableAt(bytes, 10, 13);
  let at = 13 + table.length;
  let index = 0;
  while (bytes[at] === EXTENSION) {
    if (bytes[at + 1] === CONTROL && bytes[at + 3] & IS_TRANSPARENT) {
      bytes[at + 3] &= ~IS_TRANSPARENT;
      index = bytes[at + 6];
    }
    at = behindBlocks(bytes, at + 2);
  }
  if (bytes[at] !== FRAME || at + 10 > bytes.length) throw new Error("a GIF without a frame");
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => bytes.readUInt16LE(at + offset));
  // libvips would make a picture of one pixel of it.
  if (width === 0 || height === 0) throw new Error("a GIF whose frame has no pixels");
  const own = tableAt(bytes, at + 9, at + 10);
  if (own.length > 0) table = own;
  if (table.length === 0) throw new Error("a GIF without a table of colours");
  const [r = 0, g = 0, b = 0] = table.subarray(index * 3, index * 3 + 3);
  const data = at + 10 + own.length;
  const end = behindBlocks(bytes, data + 1);
  if (!hasPixels(bytes, data, width * height)) throw new Error("a GIF whose first frame ends early");
  const size = {
    width: Math.max(bytes.readUInt16LE(6), left + width),
    height: Math.max(bytes.readUInt16LE(8), top + height),
  };
  bytes.writeUInt16LE(width, 6);
  bytes.writeUInt16LE(height, 8);
  bytes.fill(0, at + 1, at + 5); // left and top
  return {
    bytes: Buffer.concat([bytes.subarray(0, end), Buffer.of(TRAILER)]),
    frame: { left, top, width, height },
    size,
    ground: [r, g, b],
  };
}

/** The frame's levels on the ground. */
export function placed({ pixels }: Picture, { frame, size, ground }: FirstFrame): Picture {
  if (frame.width === size.width && frame.height === size.height) return { ...size, pixels };
  const whole = Buffer.alloc(3 * size.width * size.height, Buffer.from(ground));
  for (let y = 0; y < frame.height; y++) {
    const row = pixels.subarray(3 * y * frame.width, 3 * (y + 1) * frame.width);
    whole.set(row, 3 * ((frame.top + y) * size.width + frame.left));
  }
  return { ...size, pixels: whole };
}

/** A code of LZW has at most so many bits. */
const MOST_BITS = 12;

/**
 * Whether packed data (LZW) make up so many pixels: decoders fill up with what they like where data end early.
 *
 * @param start of the byte that says how many bits a pixel has; blocks follow
 */
function hasPixels(bytes: Uint8Array, start: number, wanted: number): boolean {
  const bits = bytes[start];
  const [clear, last] = [2 ** bits, 2 ** bits + 1];
  /** How many pixels each code stands for. */
  const lengths = new Uint32Array(2 ** MOST_BITS).fill(1, 0, clear);
  let [width, next, before, pixels] = [bits + 1, last + 1, 0, 0];
  let [held, count] = [0, 0];
  for (let at = start + 1; bytes[at] > 0; at += 1 + bytes[at])
    for (const byte of bytes.subarray(at + 1, at + 1 + bytes[at])) {
      held |= byte << count;
      count += 8;
      while (count >= width) {
        const code = held & (2 ** width - 1);
        held >>>= width;
        count -= width;
        if (code === last) return false;
        if (code === clear) {
          [width, next, before] = [bits + 1, last + 1, 0];
          continue;
        }
        // The next code stands for the one before it and a pixel more.
        if (before > 0 && next < lengths.length) lengths[next++] = before + 1;
        if (code >= next) return false;
        before = lengths[code];
        pixels += before;
        if (pixels >= wanted) return true;
        if (next === 2 ** width && width < MOST_BITS) width++;
      }
    }
  return false;
}

/** Blocks of up to 255 bytes, each behind its length, end with one of length 0. */
function behindBlocks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] > 0) at += 1 + bytes[at];
  return at + 1;
}

/** The table of colours that flags announce; empty where there is none. */
function tableAt(bytes: Uint8Array, flagsAt: number, start: number): Uint8Array {
  const flags = bytes[flagsAt] ?? 0;
  return bytes.subarray(start, flags & HAS_TABLE ? start + 3 * 2 ** (1 + (flags & 7)) : start);
}
