import { shown } from "../core/schema.ts";
import { JsonCursor } from "./json-cursor.ts";

const BITS_PER_ELEMENT = {
  F4: 4,
  F6_E2M3: 6, F6_E3M2: 6,
  BOOL: 8, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8,
  I16: 16, U16: 16, F16: 16, BF16: 16,
  I32: 32, U32: 32, F32: 32,
  F64: 64, I64: 64, U64: 64, C64: 64,
} as const; // biome-ignore format: one line per width

/** Element types that the format defines. */
export type SafetensorsDtype = keyof typeof BITS_PER_ELEMENT;

/** What a header says of a tensor. */
export interface HeaderEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly bigint[];
  /** Begin and end behind the header, in bytes. */
  readonly offsets: readonly [begin: number, end: number];
}

/** What a header says. */
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the file; of a name that stands twice, what stands last. */
  readonly entries: ReadonlyMap<string, HeaderEntry>;
}

/** Something that is JSON, but not what the format wants, as a part of a line. */
export class HeaderProblem extends Error {}

/** The largest size: 64 bits in the reference implementation. */
const LARGEST = 2n ** 64n - 1n;

/**
 * Reads a header as the reference implementation (safetensors 0.8, Rust) does: a name of a tensor may stand twice, the
 * last counts; fields of a tensor and `__metadata__` may not; other fields are read over; sizes are written as whole
 * numbers (not 1.0, 1e3 or -0); metadata are texts.
 *
 * Not taken, although it is there: a tensor as a list of its three fields, and a dtype as an object with one key. No
 * program writes them.
 *
 * @param text JSON of bounded depth
 * @throws JsonProblem with the place where it is not JSON
 * @throws HeaderProblem naming the tensor
 */
export function parseHeader(text: string): Header {
  const cursor = new JsonCursor(text);
  const entries = new Map<string, HeaderEntry>();
  let metadata: Record<string, string> | undefined;
  if (cursor.peek() !== "{") {
    cursor.skip();
    cursor.end();
    throw new HeaderProblem("the safetensors header is not an object");
  }
  cursor.object((key) => {
    if (key !== "__metadata__") entries.set(key, readEntry(cursor, key));
    else if (metadata) throw new HeaderProblem("__metadata__ stands twice in the header");
    else metadata = readMetadata(cursor);
  });
  cursor.end();
  return { metadata: metadata ?? {}, entries };
}

function readMetadata(cursor: JsonCursor): Record<string, string> {
  const metadata = new Map<string, string>();
  const isText = (character: string) => {
    if (cursor.peek() !== character) throw new HeaderProblem("__metadata__ must be an object of texts");
  };
  if (cursor.peek() === "n") cursor.skip();
  else {
    isText("{");
    cursor.object((key) => {
      isText('"');
      metadata.set(key, cursor.text());
    });
  }
  return Object.fromEntries(metadata);
}

function readEntry(cursor: JsonCursor, name: string): HeaderEntry {
  const refuse = (problem: string): never => {
    throw new HeaderProblem(`tensor ${shown(name)}: ${problem}`);
  };
  const fields = new Set<string>();
  let found: Partial<HeaderEntry> = {};
  const read: Readonly<Record<string, () => void>> = {
    dtype: () => {
      const dtype = cursor.peek() === '"' ? cursor.text() : undefined;
      found = { ...found, dtype: isDtype(dtype) ? dtype : refuse(`unknown dtype ${shown(dtype)}`) };
    },
    shape: () => {
      found = { ...found, shape: sizes(cursor) ?? refuse("impossible shape, sizes are whole numbers from 0") };
    },
    data_offsets: () => {
      const [begin, end, ...more] = sizes(cursor) ?? [];
      if (end === undefined || more.length > 0) refuse("data_offsets is not a pair of whole numbers from 0");
      found = { ...found, offsets: [Number(begin), Number(end)] };
    },
  };
  const member = (field: string) => {
    if (!Object.hasOwn(read, field)) return cursor.skip();
    if (fields.has(field)) refuse(`${field} stands there twice`);
    fields.add(field);
    read[field]();
  };
  if (cursor.peek() === "{") cursor.object(member);
  const { dtype, shape, offsets } = found;
  return {
    dtype: dtype ?? refuse("unknown dtype, the field is missing"),
    shape: shape ?? refuse("impossible shape, the field is missing"),
    offsets: offsets ?? refuse("data_offsets is missing"),
  };
}

function isDtype(name: string | undefined): name is SafetensorsDtype {
  return name !== undefined && Object.hasOwn(BITS_PER_ELEMENT, name);
}

/** A list of sizes, undefined where it is something else. */
function sizes(cursor: JsonCursor): bigint[] | undefined {
  if (cursor.peek() !== "[") return undefined;
  const list: bigint[] = [];
  let sound = true;
  cursor.list(() => {
    const written = /[-\d]/.test(cursor.peek()) ? cursor.number() : cursor.skip();
    if (written && /^\d{1,20}$/.test(written) && BigInt(written) <= LARGEST) list.push(BigInt(written));
    else sound = false;
  });
  return sound ? list : undefined;
}

/** Bits of a tensor; undefined where the reference implementation overflows, also on the way to a size of 0. */
export function bitsOf({ shape, dtype }: HeaderEntry): bigint | undefined {
  let product = 1n;
  for (const factor of [...shape, BigInt(BITS_PER_ELEMENT[dtype])]) {
    product *= factor;
    if (product > LARGEST) return undefined;
  }
  return product;
}
