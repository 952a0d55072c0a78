import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";
import { openSafetensors, readTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { refusal, scratchFolder, writeRaw } from "./scratch.ts";

const folder = scratchFolder();
const path = join(folder, "file.safetensors");
const open = (header: unknown, data: Uint8Array | number = 0, claimed?: bigint) =>
  openSafetensors(writeRaw(path, header, data, claimed));
const F32 = (shape: unknown, offsets: unknown) => ({ dtype: "F32", shape, data_offsets: offsets });
const bytes = (values: { buffer: ArrayBufferLike }) => new Uint8Array(values.buffer as ArrayBuffer);

describe("the header of a safetensors file that lies", () => {
  it.each<[string, unknown, number, RegExp]>([
    ["offsets beyond the file", { a: F32([2], [0, 8]) }, 4, /"a".*outside the file/],
    ["an end before the begin", { a: F32([2], [8, 0]) }, 8, /"a".*outside the file/],
    ["negative offsets", { a: F32([2], [-8, 0]) }, 8, /"a".*data_offsets/],
    ["fractional offsets", { a: F32([2], [0, 8.5]) }, 16, /"a".*data_offsets/],
    ["offsets as text", { a: F32([2], ["0", "8"]) }, 8, /"a".*data_offsets/],
    ["three offsets", { a: F32([2], [0, 8, 8]) }, 8, /"a".*data_offsets/],
    ["no offsets", { a: { dtype: "F32", shape: [2] } }, 8, /"a".*data_offsets/],
    ["offsets whose sum with the header overflows", { a: F32([1], [2 ** 53 - 2, 2 ** 53 - 1]) }, 4, /outside the file/],
    ["tensors that overlap", { a: F32([2], [0, 8]), b: F32([2], [4, 12]) }, 12, /"b" overlaps/],
    ["the same bytes for two tensors", { a: F32([2], [0, 8]), b: F32([2], [0, 8]) }, 8, /overlaps/],
    ["a hole between tensors", { a: F32([1], [0, 4]), b: F32([1], [8, 12]) }, 12, /"b" leaves a hole/],
    ["a hole before the first tensor", { a: F32([1], [4, 8]) }, 8, /"a" leaves a hole/],
    ["bytes after the last tensor", { a: F32([1], [0, 4]) }, 7, /3 bytes after the last tensor/],
    ["data without tensors", {}, 4, /4 bytes after the last tensor/],
    ["a shape larger than its bytes", { a: F32([3], [0, 8]) }, 8, /needs 12 bytes, data_offsets give 8/],
    ["a shape smaller than its bytes", { a: F32([1], [0, 8]) }, 8, /needs 4 bytes/],
    ["a scalar of no bytes", { a: F32([], [0, 0]) }, 0, /needs 4 bytes/],
    ["a negative size", { a: F32([-2, -1], [0, 8]) }, 8, /impossible shape/],
    ["a fractional size", { a: F32([0.5, 4], [0, 8]) }, 8, /impossible shape/],
    ["a size beyond 64 bits", { a: F32([2 ** 64], [0, 8]) }, 8, /impossible shape/],
    ["a product of sizes that wraps around in 64 bits", { a: F32([2 ** 32, 2 ** 32], [0, 0]) }, 0, /needs/],
    ["a product of sizes that overflows a double", { a: F32(Array(30).fill(2 ** 50), [0, 8]) }, 8, /needs/],
    ["a shape that is not a list", { a: F32("[2]", [0, 8]) }, 8, /impossible shape/],
    ["no shape", { a: { dtype: "F32", data_offsets: [0, 8] } }, 8, /impossible shape/],
    ["an unknown dtype", { a: { ...F32([2], [0, 8]), dtype: "F31" } }, 8, /unknown dtype "F31"/],
    ["a dtype that every object inherits", { a: { ...F32([2], [0, 8]), dtype: "toString" } }, 8, /unknown dtype/],
    ["no dtype", { a: { shape: [2], data_offsets: [0, 8] } }, 8, /unknown dtype/],
    ["null for a tensor", { a: null }, 0, /"a": unknown dtype/],
    ["a number for a tensor", { a: 7 }, 0, /"a": unknown dtype/],
    ["a list for a header", [], 0, /not an object/],
    ["null for a header", null, 0, /not an object/],
    ["a number for a header", 12, 0, /not an object/],
    ["text that is not JSON", "safetensors!", 0, /not JSON/],
    ["NaN, which is not JSON", '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4, /not JSON/],
    ["an empty header", "", 0, /not JSON/],
    [
      "one name twice with different bytes",
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
      /"a" leaves a hole/,
    ],
  ])("is refused for %s", (_, header, size, message) => {
    expect(refusal(() => open(header, size))).toMatch(message);
  });

  it("is refused for a length beyond the file, before memory is taken for it", () => {
    for (const claimed of [3n, 10n, 100n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n])
      expect(refusal(() => open({}, 0, claimed))).toMatch(/header length .* exceeds the file/);
  });

  it("is refused when it is not UTF-8", () => {
    writeFileSync(path, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28]));
    expect(refusal(() => openSafetensors(path))).toMatch(/not JSON/);
  });

  it("is refused when the file is cut anywhere", () => {
    writeSafetensors(path, [["a", { shape: [2, 2], values: new Float32Array(4) }]]);
    const size = readFileSync(path).length;
    for (let left = size - 1; left >= 0; left--) {
      truncateSync(path, left);
      expect(refusal(() => openSafetensors(path))).toContain(path);
    }
  });

  it("is refused or consistent, whatever it holds", () => {
    const number = fc.oneof(fc.nat(12), fc.integer(), fc.double(), fc.constant("1"), fc.constant(null));
    const entry = fc.record(
      { dtype: fc.constantFrom("F32", "F16", "I64", "X", 3), shape: fc.array(number), data_offsets: fc.array(number) },
      { requiredKeys: [] },
    );
    const header = fc.oneof(fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())), fc.jsonValue());
    fc.assert(
      fc.property(header, fc.nat(40), (lie, size) => {
        try {
          const { entries } = open(lie, size);
          const total = [...entries.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
          expect(total).toBe(size);
        } catch (error) {
          expect(error).toBeInstanceOf(NuwaError);
        }
      }),
    );
  });
});

describe("a safetensors file that is sound", () => {
  it("may hold a scalar, tensors of no elements, metadata and padding", () => {
    const header = {
      __metadata__: { format: "pt" },
      s: F32([], [0, 4]),
      none: F32([0, 7], [4, 4]),
      b: F32([1], [4, 8]),
    };
    const file = open(`${JSON.stringify(header)}     `, 8);
    expect([...file.entries.keys()]).toEqual(["s", "none", "b"]);
    expect(readTensor(file, "s")).toEqual({ shape: [], values: new Float32Array(1) });
    expect(readTensor(file, "none")).toEqual({ shape: [0, 7], values: new Float32Array(0) });
  });

  it("may use names that mean something to JavaScript", () => {
    const file = open('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(Float32Array.of(3)));
    expect(readTensor(file, "__proto__").values).toEqual(Float32Array.of(3));
    expect(refusal(() => readTensor(file, "constructor"))).toContain('no tensor "constructor"');
  });

  it("gives every half-precision value that exists, subnormals, infinities and NaN among them", () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const { values } = readTensor(
      open({ a: { dtype: "F16", shape: [2 ** 16], data_offsets: [0, 2 ** 17] } }, bytes(all)),
      "a",
    );
    const at = (bits: number) => values[bits];
    expect([at(0x3c00), at(0xc000), at(0x7bff), at(0x0001), at(0x8001)]).toEqual([1, -2, 65504, 2 ** -24, -(2 ** -24)]);
    expect([at(0x03ff), at(0x0400)]).toEqual([1023 * 2 ** -24, 2 ** -14]);
    expect([at(0x7c00), at(0xfc00)]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(Object.is(at(0x8000), -0)).toBe(true);
    expect(values.filter(Number.isNaN)).toHaveLength(2 * 1023);
    // Up to infinity, larger bits are larger numbers.
    expect(values.slice(0, 0x7c01).every((value, i, sorted) => i === 0 || value > sorted[i - 1])).toBe(true);
  });

  it("gives bfloat16 as the float32 with the same upper half", () => {
    const bits = Uint16Array.of(0x3f80, 0xbfc0, 0x7f80, 0xff80, 0x0001, 0x7fc0, 0x8000);
    const { values } = readTensor(open({ a: { dtype: "BF16", shape: [7], data_offsets: [0, 14] } }, bytes(bits)), "a");
    const inf = Number.POSITIVE_INFINITY;
    expect([...values]).toEqual([1, -1.5, inf, -inf, 2 ** -133, Number.NaN, -0]);
  });

  it("gives 64-bit integers as 32-bit ones, and refuses those that do not fit", () => {
    const header = { a: { dtype: "I64", shape: [3], data_offsets: [0, 24] } };
    const read = (...values: bigint[]) => readTensor(open(header, bytes(BigInt64Array.from(values))), "a").values;
    expect(read(-200n, 2n ** 31n - 1n, -(2n ** 31n))).toEqual(Int32Array.of(-200, 2 ** 31 - 1, -(2 ** 31)));
    expect(refusal(() => read(0n, 2n ** 31n, 0n))).toMatch(/"a" holds 2147483648, beyond 32 bits/);
  });

  it("refuses to read a dtype that it only knows the width of", () => {
    const file = open({ a: { dtype: "F64", shape: [1], data_offsets: [0, 8] } }, 8);
    expect(refusal(() => readTensor(file, "a"))).toMatch(/"a" has dtype F64, which is not supported, only/);
  });

  it("is noticed when it shrinks between opening and reading", () => {
    const file = open({ a: F32([2], [0, 8]) }, 8);
    truncateSync(path, readFileSync(path).length - 4);
    expect(refusal(() => readTensor(file, "a"))).toMatch(/ended while being read/);
  });
});

describe("writeSafetensors", () => {
  const shape = fc.array(fc.nat(4), { maxLength: 3 });
  const tensor = shape.chain((sizes) => {
    const length = sizes.reduce((product, n) => product * n, 1);
    const size = { minLength: length, maxLength: length };
    return fc.oneof(fc.float32Array(size), fc.int32Array(size)).map((values) => ({ shape: sizes, values }));
  });
  const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "1", "constructor", "é😀"));

  it("writes what readTensor reads, with the data on a multiple of 8 bytes", () => {
    const tensors = fc.uniqueArray(
      fc.tuple(
        name.filter((n) => n !== "__metadata__"),
        tensor,
      ),
      { selector: ([n]) => n },
    );
    fc.assert(
      fc.property(tensors, fc.dictionary(fc.string(), fc.string()), (written, metadata) => {
        writeSafetensors(path, written, metadata);
        expect(readFileSync(path).readUInt32LE(0) % 8).toBe(0);
        const file = openSafetensors(path);
        expect(new Set(file.entries.keys())).toEqual(new Set(written.map(([n]) => n)));
        for (const [n, { shape, values }] of written) expect(readTensor(file, n)).toEqual({ shape, values });
      }),
      { numRuns: 60 },
    );
  });

  it("writes the part of a buffer that a view shows", () => {
    writeSafetensors(path, [["a", { shape: [2], values: Float32Array.of(1, 2, 3, 4).subarray(1, 3) }]]);
    expect(readTensor(openSafetensors(path), "a").values).toEqual(Float32Array.of(2, 3));
  });

  it("refuses a shape that does not fit, a name given twice and the name of the metadata, and writes nothing", () => {
    const one = { shape: [1], values: Float32Array.of(1) };
    const target = join(folder, "never");
    expect(refusal(() => writeSafetensors(target, [["a", { ...one, shape: [2] }]]))).toContain('"a" of shape [2]');
    expect(
      refusal(() =>
        writeSafetensors(target, [
          ["a", one],
          ["a", one],
        ]),
      ),
    ).toContain('"a"');
    expect(refusal(() => writeSafetensors(target, [["__metadata__", one]]))).toContain("__metadata__");
    expect(refusal(() => openSafetensors(target))).toContain("ENOENT");
  });
});
