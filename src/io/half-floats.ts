/* 16-bit floats as float32. Browsers read checkpoints with this file, too. */

/** bfloat16 is the upper half of a float32. */
export function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/** Looked up, because there are only 65536 halves and a model has billions of weights. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = FLOAT16[halves[i]];
  return floats;
}

/**
 * The nearest half to each value, ties to even; what is too large becomes infinite.
 *
 * @returns bits, as float16ToFloat32 takes them
 */
export function float32ToFloat16(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < floats.length; i++) {
    const sign = (bits[i] >>> 16) & 0x8000;
    const size = Math.abs(floats[i]);
    if (Number.isNaN(size)) halves[i] = 0x7e00;
    else if (size >= 65520) halves[i] = sign | 0x7c00;
    else {
      // Values below 2^-14 have the steps of that power of two.
      const exponent = Math.max(-14, ((bits[i] >>> 23) & 255) - 127);
      const steps = roundedToEven(size * 2 ** (10 - exponent));
      // 1024 steps are the next power of two: carrying into the exponent is the right rounding.
      halves[i] = sign | (((exponent + 14) << 10) + steps);
    }
  }
  return halves;
}

/** A number from 0 to 2^11, exactly scaled, to the nearest integer. */
function roundedToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Every IEEE 754 half: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
const FLOAT16 = Float32Array.from({ length: 2 ** 16 }, (_, half) => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
});
