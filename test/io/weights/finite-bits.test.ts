import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../../src/io/half-floats.ts";
import { firstNonFinite } from "../../../src/io/weights/finite-bits.js";

const bytesOf = (values: Uint16Array | Uint32Array) => new Uint8Array(values.buffer);

describe("the look for values that are not finite", () => {
  it.each([
    ["F16", float16ToFloat32],
    ["BF16", bfloat16ToFloat32],
  ] as const)("knows each of the 65536 halves (%s), in either place of a word", (dtype, widened) => {
    const wrong = [];
    for (let half = 0; half < 2 ** 16; half++)
      for (const place of [0, 1, 2]) {
        const halves = Uint16Array.from([0x1234, 0x1234, 0x1234], (other, i) => (i === place ? half : other));
        const expected = Number.isFinite(widened(Uint16Array.of(half))[0]) ? -1 : place;
        if (firstNonFinite(bytesOf(halves), dtype) !== expected) wrong.push([half, place]);
      }
    expect(wrong).toEqual([]);
  });

  it("finds the first of many, as plain reading does", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(fc.nat(20_000), { maxLength: 3 }),
        fc.constantFrom(0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff),
        (length, places, bits) => {
          const values = new Uint32Array(length).fill(0x3f800000);
          for (const place of places) if (place < length) values[place] = bits;
          const floats = new Float32Array(values.buffer);
          expect(firstNonFinite(bytesOf(values), "F32")).toBe(floats.findIndex((value) => !Number.isFinite(value)));
          const halves = new Uint16Array(length).fill(0x3c00);
          for (const place of places) if (place < length) halves[place] = 0xfc00;
          expect(firstNonFinite(bytesOf(halves), "F16")).toBe(halves.indexOf(0xfc00));
        },
      ),
      { seed: 2 },
    );
  });
});
