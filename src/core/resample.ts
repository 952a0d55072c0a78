/** A picture before normalisation: 8 bits a channel, RGB interleaved, row by row, [height, width, 3]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of a picture, in pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Scales a picture and cuts a part out, bit for bit as Pillow's `resize(size, BICUBIC)` and `crop` do:
 * cubic convolution with a = −0.5, widened when shrinking (antialias), first across, then down, rounded
 * to 8 bits after each pass. CLIP and LLaVA were trained on pictures made this way.
 *
 * Why not sharp: libvips enlarges with a shift of half an output pixel (measured with 8.18: a mean
 * difference from Pillow of 5 levels in 256), and shrinks in the other order (0.3 levels).
 *
 * Source: Pillow, src/libImaging/Resample.c
 *
 * @param size of the whole scaled picture, in pixels
 * @param part of the scaled picture that is wanted; only that much is computed
 */
export function resizeBicubic(picture: Picture, size: Size, part: Rectangle): Picture {
  const { width, height, pixels } = picture;
  const across = convolve(pixels, { outer: height, inner: 3 }, taps(width, size.width, part.left, part.width));
  const down = convolve(across, { outer: 1, inner: part.width * 3 }, taps(height, size.height, part.top, part.height));
  return { width: part.width, height: part.height, pixels: down };
}

/** Which inputs an output is made of: `weights[j]` belongs to input `first + j`. */
interface Taps {
  readonly inputs: number;
  readonly outputs: readonly { readonly first: number; readonly weights: Int32Array }[];
}

/** Fixed-point weights have so many bits after the point: 32, less 8 of the pixel, less 2 of headroom. */
const PRECISION = 22;

/** Weights along one axis of `inputs` pixels scaled to `scaled`, for outputs start..start+count−1. */
function taps(inputs: number, scaled: number, start: number, count: number): Taps {
  const scale = inputs / scaled;
  const widening = Math.max(scale, 1);
  const support = 2 * widening;
  const outputs = Array.from({ length: count }, (_, i) => {
    const centre = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputs, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - first }, (_, j) => cubic((first + j - centre + 0.5) / widening));
    // At the border the kernel is cut off, and what is left of it is scaled up to a sum of 1.
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: Int32Array.from(raw, (weight) => roundHalfAway((weight / sum) * 2 ** PRECISION)) };
  });
  return { inputs, outputs };
}

/** Keys' cubic convolution kernel with a = −0.5 (Catmull-Rom), in Horner's form as Pillow has it. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function roundHalfAway(x: number): number {
  return Math.trunc(x + (x < 0 ? -0.5 : 0.5));
}

/** [outer, inputs, inner] → [outer, outputs, inner]. */
function convolve(
  source: Uint8Array,
  { outer, inner }: { readonly outer: number; readonly inner: number },
  { inputs, outputs }: Taps,
): Uint8Array {
  // Clamped, because the kernel's negative lobes overshoot 0 and 255.
  const result = new Uint8ClampedArray(outer * outputs.length * inner);
  let out = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of outputs) {
      const base = (o * inputs + first) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 2 ** (PRECISION - 1);
        for (let j = 0; j < weights.length; j++) sum += source[base + j * inner + i] * weights[j];
        result[out++] = sum >> PRECISION;
      }
    }
  }
  return new Uint8Array(result.buffer);
}
