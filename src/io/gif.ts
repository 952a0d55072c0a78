import type { Colour, Picture, Rectangle } from "../core/resample.ts";

const EXTENSION = 0x21;
const CONTROL = 0xf9;
const FRAME = 0x2c;
const TRAILER = 0x3b;
/** In the flags of the file or of a frame: a table of 2^(1 + lowest three bits) colours follows. */
const HAS_TABLE = 0x80;
/** In the flags of a control block: one colour of the table is transparent. */
const IS_TRANSPARENT = 1;

/** A GIF of one frame that hides nothing. */
export interface OpaqueGif {
  readonly bytes: Uint8Array;
  /** Which part of the picture the frame covers. */
  readonly frame: Rectangle;
  /** What Pillow puts around the frame: the transparent colour, else the first of the table. */
  readonly ground: Colour;
}

/**
 * The first frame of a GIF without its mark of transparency: decoders forget the colour of transparent pixels, which
 * Pillow's `convert("RGB")` shows. The other frames are left out; libvips would walk through all of them.
 *
 * @throws Error when there is no frame, or one without pixels or colours
 * @see https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 */
export function opaqueGif(file: Uint8Array): OpaqueGif {
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
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => bytes[at + offset] + 256 * bytes[at + offset + 1]);
  // libvips would make a picture of one pixel of it.
  if (width === 0 || height === 0) throw new Error("a GIF whose frame has no pixels");
  const own = tableAt(bytes, at + 9, at + 10);
  if (own.length > 0) table = own;
  if (table.length === 0) throw new Error("a GIF without a table of colours");
  const [r = 0, g = 0, b = 0] = table.subarray(index * 3, index * 3 + 3);
  const end = behindBlocks(bytes, at + 10 + own.length + 1);
  return {
    bytes: Buffer.concat([bytes.subarray(0, end), Buffer.of(TRAILER)]),
    frame: { left, top, width, height },
    ground: [r, g, b],
  };
}

/** Blocks of up to 255 bytes, each behind its length, end with one of length 0. */
function behindBlocks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] > 0) at += 1 + bytes[at];
  return at + 1;
}

/** Colours all that the frame does not cover, in place. */
export function fillAround({ width, height, pixels }: Picture, { frame, ground }: OpaqueGif): void {
  if (frame.left === 0 && frame.top === 0 && frame.width >= width && frame.height >= height) return;
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) {
      const across = x >= frame.left && x < frame.left + frame.width;
      if (!across || y < frame.top || y >= frame.top + frame.height) pixels.set(ground, at);
    }
}

/** The table of colours that flags announce; empty where there is none. */
function tableAt(bytes: Uint8Array, flagsAt: number, start: number): Uint8Array {
  const flags = bytes[flagsAt] ?? 0;
  return bytes.subarray(start, flags & HAS_TABLE ? start + 3 * 2 ** (1 + (flags & 7)) : start);
}
