/*
 * Looks for NaN and infinite values in the bytes of floats, without making floats of them: all bits of the exponent are
 * one. Plain JavaScript, because the worker that reads ahead uses it, too.
 */

/** For each dtype the bits of the exponent in a word of 32 bits, and what carries out of them when all are one. */
const EXPONENTS = {
  F32: { mask: 0x7f800000, carry: 0x00800000, out: 0x80000000 },
  F16: { mask: 0x7c007c00, carry: 0x04000400, out: 0x80008000 },
  BF16: { mask: 0x7f807f80, carry: 0x00800080, out: 0x80008000 },
};

/** Words that are looked at before the loop is left. */
const BLOCK = 4096;

/**
 * The first value that is NaN or infinite; -1 when all are finite.
 *
 * @param {Uint8Array} bytes at an offset that is a multiple of four
 * @param {keyof typeof EXPONENTS} dtype
 * @returns {number} its index
 */
export function firstNonFinite(bytes, dtype) {
  const { mask, carry, out } = EXPONENTS[dtype];
  const perWord = dtype === "F32" ? 1 : 2;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  const has = (/** @type {number} */ word) => (((word & mask) + carry) & out) !== 0;
  const inWord = (/** @type {number} */ word) => (perWord === 2 && !has(word & 0xffff) ? 1 : 0);
  for (let start = 0; start < words.length; start += BLOCK) {
    const end = Math.min(words.length, start + BLOCK);
    let found = 0;
    // Without a branch, so that two words take about a nanosecond.
    for (let i = start; i < end; i++) found |= ((words[i] & mask) + carry) & out;
    if (found === 0) continue;
    const at = start + words.subarray(start, end).findIndex(has);
    return at * perWord + inWord(words[at]);
  }
  const left = bytes.byteLength & 3;
  if (left === 0) return -1;
  const last = bytes[bytes.byteLength - 2] | (bytes[bytes.byteLength - 1] << 8);
  return has(last) ? words.length * 2 : -1;
}
