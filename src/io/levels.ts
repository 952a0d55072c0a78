/** What sharp decodes before any conversion: [pixels, channels], each a number of `depth`, in the colours `space`. */
export interface Samples {
  readonly data: Buffer;
  readonly channels: number;
  readonly space: string;
  readonly depth: string;
  /** That a second channel of grey is alpha of the file itself, not made of one transparent level (PNG's tRNS). */
  readonly greyAlpha: boolean;
}

/** How Pillow reads numbers: signed bytes as unsigned ones, 32 bits always as signed ones. */
const NUMBERS = {
  uchar: Uint8Array,
  char: Uint8Array,
  ushort: Uint16Array,
  short: Int16Array,
  uint: Int32Array,
  int: Int32Array,
  float: Float32Array,
} as const;
type Numbers = InstanceType<(typeof NUMBERS)[keyof typeof NUMBERS]>;

const COLOURS = { srgb: ["uchar"], rgb16: ["ushort"], cmyk: ["uchar", "ushort"] } as const;
const GREYS = ["b-w", "grey16"];

/**
 * Red, green and blue as Pillow's `convert("RGB")` makes them, [pixels, 3]: alpha is dropped, whatever lies below;
 * colours of 16 bits give their high bytes, and so does grey with alpha; but grey alone of more than 8 bits is cut off
 * at 0 and 255, so that most of it is white.
 *
 * @throws Error naming colours that Pillow does not convert
 * @see Pillow, src/libImaging/Convert.c and Unpack.c
 */
export function rgbLevels({ data, channels, space, depth, greyAlpha }: Samples): Uint8Array {
  const isGrey = GREYS.includes(space) && channels <= 2;
  const isColour = (COLOURS[space as keyof typeof COLOURS] as readonly string[] | undefined)?.includes(depth);
  const numbers = NUMBERS[depth as keyof typeof NUMBERS];
  if (numbers === undefined || !(isGrey || isColour)) throw new Error(`colours "${space}" as numbers of "${depth}"`);
  if (space === "srgb" && channels === 3) return data;
  const samples = new numbers(data.buffer as ArrayBuffer, data.byteOffset, data.length / numbers.BYTES_PER_ELEMENT);
  if (isGrey) return ofGrey(samples, channels, depth === "ushort" && channels === 2 && greyAlpha ? 8 : 0);
  const shift = depth === "ushort" ? 8 : 0;
  return space === "cmyk" ? ofInks(samples, channels, shift) : ofColours(samples, channels, shift);
}

function ofGrey(samples: Numbers, channels: number, shift: number): Uint8Array {
  const levels = new Uint8ClampedArray((samples.length / channels) * 3);
  for (let i = 0, at = 0; i < samples.length; i += channels, at += 3)
    levels.fill(shift > 0 ? samples[i] >> shift : Math.trunc(samples[i]), at, at + 3);
  return new Uint8Array(levels.buffer);
}

function ofColours(samples: Numbers, channels: number, shift: number): Uint8Array {
  const levels = new Uint8Array((samples.length / channels) * 3);
  for (let i = 0, at = 0; i < samples.length; i += channels)
    for (let channel = 0; channel < 3; channel++) levels[at++] = samples[i + channel] >> shift;
  return levels;
}

/** Without a profile: white less black, less the share of it that the ink takes. */
function ofInks(samples: Numbers, channels: number, shift: number): Uint8Array {
  const levels = new Uint8Array((samples.length / channels) * 3);
  for (let i = 0, at = 0; i < samples.length; i += channels) {
    const white = 255 - (samples[i + 3] >> shift);
    for (let ink = 0; ink < 3; ink++) {
      const product = (samples[i + ink] >> shift) * white + 128;
      levels[at++] = white - (((product >> 8) + product) >> 8); // product / 255, rounded
    }
  }
  return levels;
}
