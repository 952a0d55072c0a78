import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from "../../src/io/half-floats.ts";

const EVERY_HALF = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half);
const isNan = (half: number) => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
const halfOf = (value: number) => float32ToFloat16(Float32Array.of(value))[0];
const floatOf = (half: number) => float16ToFloat32(Uint16Array.of(half))[0];

/** What a finite half is by the standard: sign, exponent and fraction read apart. */
function defined(half: number): number {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  return exponent === 0 ? (sign * fraction) / 2 ** 24 : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** The nearest half by looking at all: of two that are as near the one with the even fraction. */
function nearest(value: number): number {
  const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  // 0x7c00 stands where the next power of two would.
  let [low, high] = [0, 0x7c00];
  const at = (half: number) => (half === 0x7c00 ? 2 ** 16 : defined(half));
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle) <= size) low = middle;
    else high = middle;
  }
  if (size >= 2 ** 16) return sign | 0x7c00;
  const [below, above] = [size - at(low), at(high) - size];
  if (below === above) return sign | (low % 2 === 0 ? low : high);
  return sign | (below < above ? low : high);
}

describe("float16ToFloat32", () => {
  it("is what the standard says of every half", () => {
    const floats = float16ToFloat32(EVERY_HALF);
    for (const half of EVERY_HALF) {
      if (isNan(half)) expect(floats[half]).toBeNaN();
      else if ((half & 0x7c00) === 0x7c00) expect(floats[half]).toBe(half >> 15 ? -Infinity : Infinity);
      else if (!Object.is(floats[half], defined(half))) expect.fail(`${half}: ${floats[half]}`);
    }
  });
});

describe("float32ToFloat16", () => {
  it("gives back every half that a float was made of; NaN stays NaN", () => {
    const back = float32ToFloat16(float16ToFloat32(EVERY_HALF));
    for (const half of EVERY_HALF)
      if (isNan(half) ? !isNan(back[half]) : back[half] !== half) expect.fail(`${half} became ${back[half]}`);
  });

  it("rounds to the nearest half, ties to even, whatever the float", () => {
    const anyFloat = fc.float({ noNaN: true });
    const inRange = fc.float({ min: -70_000, max: 70_000, noNaN: true });
    const small = fc.float({ min: Math.fround(-(2 ** -13)), max: Math.fround(2 ** -13), noNaN: true });
    fc.assert(
      fc.property(fc.oneof(anyFloat, inRange, small), (value) => {
        expect(halfOf(value)).toBe(nearest(value));
      }),
      { numRuns: 3000 },
    );
  });

  it("rounds what lies in the middle of two halves to the even one", () => {
    for (let half = 0; half < 0x7c00; half += 7) {
      const above = half + 1 === 0x7c00 ? 2 ** 16 : defined(half + 1);
      const middle = (defined(half) + above) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      for (const sign of [0, 0x8000])
        if (halfOf(sign ? -middle : middle) !== (sign | even)) expect.fail(`${middle} became ${halfOf(middle)}`);
    }
  });

  it.each([
    ["the largest half", 65504, 0x7bff],
    ["just below the middle to what would come next", 65519.996, 0x7bff],
    ["the middle, which is too large", 65520, 0x7c00],
    ["the largest float", 3.4028234663852886e38, 0x7c00],
    ["infinity", Infinity, 0x7c00],
    ["minus infinity", -Infinity, 0xfc00],
    ["minus zero", -0, 0x8000],
    ["the smallest half", 2 ** -24, 1],
    ["half of it, a tie with zero", 2 ** -25, 0],
    ["a little more than half of it", 2 ** -25 * 1.001, 1],
    ["the smallest float", 2 ** -149, 0],
    ["the largest subnormal half", 1023 * 2 ** -24, 0x3ff],
    ["the smallest normal half", 2 ** -14, 0x400],
    ["the middle between the two", 1023.5 * 2 ** -24, 0x400],
  ])("%s", (_, value, half) => {
    expect(halfOf(value)).toBe(half);
  });

  it("keeps NaN, and takes a view into a larger buffer", () => {
    expect(floatOf(halfOf(Number.NaN))).toBeNaN();
    expect([...float32ToFloat16(Float32Array.of(9, 1, 2, 9).subarray(1, 3))]).toEqual([0x3c00, 0x4000]);
  });
});

it("bfloat16 is the upper half of a float32", () => {
  const floats = bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f80, 0x7fc0));
  expect([...floats]).toEqual([1, -2, 2 ** -133, Infinity, Number.NaN]);
});
