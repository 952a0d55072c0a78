import fc from "fast-check";
import type { Case } from "./target.ts";

/** A change to the bytes of a file; places are taken modulo its length, so that any change fits any file. */
type Change = (bytes: Buffer) => Buffer;

const place = fc.nat(2 ** 31 - 1);

/** Texts that parsers tend to take wrongly; each target adds those of its format. */
const HOSTILE = ["\0", "\n", "\r", "\t", '"', "\\", "\u001b[2J", "\u202e", "\ufeff", "é", "-1", "1e999", "__proto__"];

/** Characters of one token again and again. */
const FLOOD = 2 ** 17;

function changes(tokens: readonly string[]): fc.Arbitrary<Change> {
  const spliced = (bytes: Buffer, at: number, cut: number, put: Uint8Array) => {
    const from = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
  };
  const nothing = Buffer.alloc(0);
  const insert = fc.tuple(place, fc.nat(4), fc.constantFrom(...HOSTILE, ...tokens)).map(
    ([at, cut, token]): Change =>
      (bytes) =>
        spliced(bytes, at, cut, Buffer.from(token)),
  );
  const overwrite = fc.tuple(place, fc.nat(255)).map(
    ([at, byte]): Change =>
      (bytes) =>
        spliced(bytes, at, 1, Buffer.of(byte)),
  );
  const cut = fc.tuple(place, fc.nat(40)).map(
    ([at, count]): Change =>
      (bytes) =>
        spliced(bytes, at, count, nothing),
  );
  const truncate = place.map(
    (at): Change =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  );
  const repeat = fc.tuple(place, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200 })).map(
    ([at, count, times]): Change =>
      (bytes) => {
        const from = at % (bytes.length + 1);
        const part = bytes.subarray(from, from + count);
        return spliced(bytes, from, 0, Buffer.concat(Array<Buffer>(times).fill(part)));
      },
  );
  // What takes long once in a file of this size takes minutes in a large one.
  const flood = fc.tuple(place, fc.constantFrom(...HOSTILE, " ", "<", "[", "0", ...tokens)).map(
    ([at, token]): Change =>
      (bytes) =>
        spliced(bytes, at, 0, Buffer.from(token.repeat(Math.ceil(FLOOD / token.length)))),
  );
  const often = [insert, overwrite, cut, truncate, repeat].map((arbitrary) => ({ arbitrary, weight: 6 }));
  return fc.oneof(...often, { arbitrary: flood, weight: 1 });
}

/**
 * Whole files, of which the value is known, and damaged ones, of which it is not.
 *
 * @param tokens of the format, which are put in anywhere
 */
export function withDamage(whole: fc.Arbitrary<Case>, tokens: readonly string[] = []): fc.Arbitrary<Case> {
  const damaged = fc
    .tuple(whole, fc.array(changes(tokens), { minLength: 1, maxLength: 4 }))
    .map(
      ([{ bytes }, list]): Case => ({ bytes: list.reduce<Buffer>((all, change) => change(all), Buffer.from(bytes)) }),
    );
  return fc.oneof(whole, damaged);
}

/** JSON values that a field may hold instead of its own. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    "",
    "\u001b[2J\n",
    [],
    {},
    -1,
    0,
    0.5,
    2 ** 31,
    2 ** 53,
    1e300,
    "x".repeat(5000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A JSON document with some of its values, at any depth, replaced or taken out. */
export function withOtherFields(document: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.array(place, { minLength: 1, maxLength: 5 }), fc.option(anyValue, { nil: undefined }));
  return fc
    .tuple(document, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([whole, list]) => list.reduce((all, [way, value]) => replaced(all, way, value), whole));
}

/** @param way which field of each level, as far as there are levels */
function replaced(value: unknown, [turn, ...way]: readonly number[], put: unknown): unknown {
  if (turn === undefined || typeof value !== "object" || value === null) return put;
  const keys = Object.keys(value);
  if (keys.length === 0) return put;
  const key = keys[turn % keys.length];
  const inside = replaced((value as Record<string, unknown>)[key], way, put);
  const others = Object.entries(value).flatMap(([own, one]) => (own !== key ? [[own, one]] : []));
  const kept =
    inside === undefined ? others : Object.entries(value).map(([own, one]) => [own, own === key ? inside : one]);
  return Array.isArray(value) ? kept.map(([, one]) => one) : Object.fromEntries(kept);
}
