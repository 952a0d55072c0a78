import fc from "fast-check";
import { openSafetensors, readTensor } from "../../src/io/safetensors.ts";
import { withDamage } from "./damage.ts";
import { requireLine } from "./run.ts";
import type { Case, Target } from "./target.ts";

/** What is read of a tensor: its values, or that there are none of them here. */
type Decoded = [name: string, dtype: string, shape: number[], values: number[] | "refused"];

const BYTES: Readonly<Record<string, number>> = {
  ...{ F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, F64: 8, U8: 1, BOOL: 1, I16: 2, F8_E4M3: 1 },
};

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...Object.keys(BYTES)), fc.array(fc.nat(3), { maxLength: 3 }))
  .chain(([dtype, shape]) => {
    const length = shape.reduce((product, n) => product * n, BYTES[dtype]);
    // Integers of 64 bits are small in the most.
    const eight = fc.oneof(
      fc.integer().map((n) => Buffer.from(BigInt64Array.of(BigInt(n)).buffer)),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    );
    const data =
      dtype === "I64"
        ? fc.array(eight, { minLength: length / 8, maxLength: length / 8 }).map((list) => Buffer.concat(list))
        : fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes));
    return data.map((bytes) => ({ dtype, shape, data: bytes }));
  });
const names = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("input_ids", "__proto__", "a.weight"),
);

/** Writes a file. The header names the tensors in another order than that in which they lie. */
export function encodeSafetensors(tensors: readonly (readonly [string, Tensor])[], spaces = 0): Buffer {
  let offset = 0;
  const entries = tensors.map(([name, { dtype, shape, data }]) => {
    const fields = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
    return `${JSON.stringify(name)}:${JSON.stringify(fields)}`;
  });
  const header = Buffer.from(`{${entries.reverse().join(", ")}}${" ".repeat(spaces)}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...tensors.map(([, { data }]) => data)]);
}

const whole = fc
  .tuple(fc.uniqueArray(fc.tuple(names, tensor), { selector: ([name]) => name, maxLength: 4 }), fc.nat(9))
  .filter(([tensors]) => tensors.every(([name]) => name !== "__metadata__"))
  .map(([tensors, spaces]): Case => {
    const wanted = tensors.map(
      ([name, { dtype, shape, data }]): Decoded => [name, dtype, [...shape], valuesOf(dtype, data)],
    );
    return { bytes: encodeSafetensors(tensors, spaces), wanted: sorted(wanted) };
  });

/** One number at a time, each by its own formula. */
export function valuesOf(dtype: string, data: Buffer): number[] | "refused" {
  const each = (bytes: number, read: (at: number) => number) =>
    Array.from({ length: data.length / bytes }, (_, i) => read(i * bytes));
  switch (dtype) {
    case "F32":
      return each(4, (at) => data.readFloatLE(at));
    case "I32":
      return each(4, (at) => data.readInt32LE(at));
    case "BF16":
      return each(2, (at) => Buffer.of(0, 0, data[at], data[at + 1]).readFloatLE());
    case "F16":
      return each(2, (at) => half(data.readUInt16LE(at)));
    case "I64": {
      const values = each(8, (at) => Number(data.readBigInt64LE(at)));
      return values.every((value) => value === (value | 0)) ? values : "refused";
    }
    default:
      return "refused";
  }
}

/** IEEE 754 in 16 bits: a sign, 5 bits of exponent, 10 of fraction. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) % 32, bits % 1024];
  if (exponent === 31) return fraction === 0 ? sign / 0 : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function sorted(list: readonly Decoded[]): Decoded[] {
  return [...list].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** JSON.parse for the header, and nothing checked: it is asked for files that were taken. */
export function decodeSafetensors(bytes: Buffer): Decoded[] {
  const begin = 8 + Number(bytes.readBigUInt64LE());
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> = JSON.parse(
    bytes.toString("utf8", 8, begin),
  );
  return sorted(
    Object.entries(header).flatMap(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]): Decoded[] =>
        name === "__metadata__"
          ? []
          : [[name, dtype, shape, valuesOf(dtype, bytes.subarray(begin + from, begin + to))]],
    ),
  );
}

/** Headers and values of safetensors. */
export const safetensors: Target = {
  name: "safetensors",
  cases: 200,
  inputs: withDamage(whole, ['"a":', '"__metadata__":{},', "[", "{", "F32", "18446744073709551616", "0,"]),
  read(path) {
    const file = openSafetensors(path);
    return sorted(
      [...file.entries.values()].map(({ name, dtype, shape }): Decoded => {
        try {
          return [name, dtype, [...shape], [...readTensor(file, name).values]];
        } catch (error) {
          requireLine(error);
          return [name, dtype, [...shape], "refused"];
        }
      }),
    );
  },
  decode: decodeSafetensors,
};
