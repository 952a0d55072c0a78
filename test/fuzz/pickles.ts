import fc from "fast-check";
import { readPickle } from "../../src/io/pickle.ts";
import type { Plain } from "../../src/io/pickle-reader.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const text = fc.string({ unit: "binary", maxLength: 12 });
const { value } = fc.letrec<{ value: Plain; list: Plain[]; dictionary: Record<string, Plain> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Plain>(null, true, false),
    fc.oneof(fc.integer(), fc.nat(70000), fc.integer({ min: -(2 ** 47), max: 2 ** 47 - 1 })),
    fc.double({ noDefaultInfinity: true, noNaN: true }).filter((x) => !Number.isInteger(x)),
    text,
    tie("list"),
    tie("dictionary"),
  ),
  list: fc.array(tie("value"), { maxLength: 5 }),
  dictionary: fc.dictionary(
    text.filter((key) => key !== "__proto__"),
    tie("value"),
    { maxKeys: 4, noNullPrototype: true },
  ),
}));

/**
 * Writes a value as Python's pickler would in a protocol, from the descriptions of the instructions in pickletools.
 *
 * @param tuples whether lists are written as tuples
 */
function pickled(root: Plain, protocol: number, tuples: boolean): Buffer {
  const parts: Buffer[] = [];
  const put = (...some: (string | number | Uint8Array)[]) =>
    void parts.push(
      ...some.map((one) => (typeof one === "number" ? Buffer.of(one) : Buffer.from(one as string, "latin1"))),
    );
  const little = (n: number, bytes: number) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeIntLE(n, 0, bytes);
    return buffer;
  };
  let kept = 0;
  const remember = () => {
    if (protocol >= 4) put(0x94);
    else if (protocol === 0) put(`p${kept}\n`);
    else if (kept < 256) put("q", kept);
    else put("r", little(kept, 4));
    kept++;
  };
  const integer = (n: number) => {
    if (protocol === 0) put(n % 2 ? `I${n}\n` : `L${n}L\n`);
    else if (n >= 0 && n < 256) put("K", n);
    else if (n >= 0 && n < 65536) put("M", little((n << 16) >> 16, 2));
    else if (n === (n | 0)) put("J", little(n, 4));
    else if (protocol === 1) put(`I${n}\n`);
    else put(0x8a, 6, little(n, 6));
  };
  const write = (one: Plain): void => {
    if (one === null) put("N");
    else if (typeof one === "boolean") put(protocol >= 2 ? (one ? 0x88 : 0x89) : one ? "I01\n" : "I00\n");
    else if (typeof one === "number" && Number.isInteger(one)) integer(one);
    else if (typeof one === "number") {
      const double = Buffer.alloc(8);
      double.writeDoubleBE(one);
      if (protocol === 0) put(`F${one}\n`);
      else put("G", double);
    } else if (typeof one === "string") {
      const bytes = Buffer.from(one);
      if (protocol === 0) put(`V${rawUnicode(one)}\n`);
      else if (protocol >= 4 && bytes.length < 256) put(0x8c, bytes.length, bytes);
      else put("X", little(bytes.length, 4), bytes);
      remember();
    } else if (Array.isArray(one)) {
      const short = protocol >= 2 && one.length >= 1 && one.length <= 3;
      if (tuples && short) {
        for (const item of one) write(item);
        put(0x84 + one.length);
      } else if (tuples) {
        put("(");
        for (const item of one) write(item);
        put("t");
      } else {
        put(protocol === 0 ? "(l" : "]");
        remember();
        sequence(
          one.map((item) => [item]),
          "a",
          "e",
        );
      }
    } else {
      put(protocol === 0 ? "(d" : "}");
      remember();
      sequence(Object.entries(one), "s", "u");
    }
  };
  const sequence = (items: readonly Plain[][], one: string, many: string) => {
    if (protocol > 0 && items.length > 1) put("(");
    for (const item of items) {
      for (const part of item) write(part);
      if (protocol === 0 || items.length === 1) put(one);
    }
    if (protocol > 0 && items.length > 1) put(many);
  };
  write(root);
  put(".");
  const body = Buffer.concat(parts);
  if (protocol < 2) return body;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([
    Buffer.of(0x80, protocol),
    protocol >= 4 ? Buffer.of(0x95) : Buffer.alloc(0),
    protocol >= 4 ? length : Buffer.alloc(0),
    body,
  ]);
}

/** Latin-1, with escapes for the rest and for what would end the line or look like an escape. */
function rawUnicode(written: string): string {
  const hex = (code: number, digits: number) => code.toString(16).padStart(digits, "0");
  return Array.from(written, (character) => {
    const code = character.codePointAt(0) as number;
    if (code > 0xffff) return `\\U${hex(code, 8)}`;
    return code > 255 || "\\\n\r\0\x1a".includes(character) ? `\\u${hex(code, 4)}` : character;
  }).join("");
}

const whole = fc
  .tuple(value, fc.integer({ min: 0, max: 4 }), fc.boolean())
  .map(([wanted, protocol, tuples]): Case => ({ bytes: pickled(wanted, protocol, tuples), wanted }));

/** RefCOCO's pickles. */
export const pickles: Target = {
  name: "pickles",
  cases: 200,
  inputs: withDamage(whole, [
    "(",
    "]",
    "}",
    ")",
    "l",
    "t",
    "a",
    "e",
    "s",
    "0",
    "2",
    "h\0",
    "\x95",
    "cos\nsystem\n",
    "R",
    "I1\n",
  ]),
  read: (path) => readPickle(path, 2 ** 20),
};
