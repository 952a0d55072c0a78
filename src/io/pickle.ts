import { NuwaError } from "../core/errors.ts";
import { readBytes } from "./files.ts";

/** What a pickle of plain data holds. Tuples become arrays. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** Marks on the stack where a container's items begin. */
const MARK = Symbol("mark");
type Entry = Plain | typeof MARK;

/**
 * Reads a Python pickle that holds nothing but dictionaries with text keys, lists, tuples, text, numbers,
 * True, False and None, as the reference files of RefCOCO do (protocols 0 to 4). A pickle is a program;
 * the instructions that could name or call anything are not known here, and are refused.
 *
 * Source of the instructions: CPython, Lib/pickletools.py.
 *
 * @param maxBytes files above this are refused unread
 * @throws NuwaError naming the file, the instruction and its offset
 */
export function readPickle(path: string, maxBytes: number): Plain {
  const reader = new PickleReader(readBytes(path, maxBytes));
  try {
    return reader.read();
  } catch (error) {
    throw new NuwaError(
      `${path}: is not a pickle of plain data (${(error as Error).message}, at byte ${reader.at}). Take the file ` +
        "as its authors distribute it.",
    );
  }
}

/** The stack machine of a pickle: it has a state, hence a class. */
class PickleReader {
  /** The next byte. */
  at = 0;
  readonly #bytes: Buffer;
  readonly #stack: Entry[] = [];
  readonly #memo = new Map<number, Plain>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): Plain {
    for (;;) {
      const code = this.#take(1)[0];
      if (code === 0x2e) return this.#pop(); // STOP
      const step = STEPS[code];
      if (!step) throw new Error(`instruction 0x${code.toString(16).padStart(2, "0")} is not one of plain data`);
      step(this);
    }
  }

  #take(count: number): Buffer {
    if (this.at + count > this.#bytes.length) throw new Error("it ends early");
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  #pop(): Plain {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new Error("its stack is empty");
    return value;
  }

  #top(): Plain {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new Error("its stack is empty");
    return value;
  }

  push(value: Entry): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** A text argument, up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.at);
    if (end < 0) throw new Error("it ends early");
    const text = this.#bytes.toString("latin1", this.at, end);
    this.at = end + 1;
    return text;
  }

  /** A number argument of `bytes` bytes, little-endian. */
  unsigned(bytes: number): number {
    return this.#take(bytes).readUIntLE(0, bytes);
  }

  signed(bytes: number): number {
    if (bytes === 0) return 0;
    if (bytes > 6) throw new Error("a number is too large");
    return this.#take(bytes).readIntLE(0, bytes);
  }

  double(): number {
    return this.#take(8).readDoubleBE(0);
  }

  text(bytes: number): string {
    return this.#take(bytes).toString("utf8");
  }

  /** Everything down to the last mark, which goes too. */
  popToMark(): Plain[] {
    const start = this.#stack.lastIndexOf(MARK);
    if (start < 0) throw new Error("a mark is missing");
    const items = this.#stack.splice(start).slice(1);
    return items as Plain[];
  }

  popSome(count: number): Plain[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  append(items: readonly Plain[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new Error("something is appended to what is no list");
    for (const item of items) list.push(item);
  }

  setItems(items: readonly Plain[]): void {
    const target = this.#top();
    if (target === null || typeof target !== "object" || Array.isArray(target))
      throw new Error("a key is set in what is no dictionary");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== "string" || key === "__proto__" || i + 1 === items.length)
        throw new Error("a dictionary has a key that is no plain text");
      target[key] = items[i + 1];
    }
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.#top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error("it recalls what it did not keep");
    this.#stack.push(value);
  }
}

/** What an instruction does. */
type Step = (reader: PickleReader) => void;

const dictionaryOf = (reader: PickleReader) => {
  const items = reader.popToMark();
  reader.push({});
  reader.setItems(items);
};

const STEPS: Readonly<Record<number, Step>> = {
  ...coded({
    "(": (r) => r.mark(),
    N: (r) => r.push(null),
    I: (r) => r.push(integerLine(r.line())),
    L: (r) => r.push(integerLine(r.line().replace(/L$/, ""))),
    F: (r) => r.push(finite(Number(r.line()))),
    S: (r) => r.push(quoted(r.line())),
    V: (r) => r.push(escaped(r.line())),
    d: dictionaryOf,
    l: (r) => r.push(r.popToMark()),
    t: (r) => r.push(r.popToMark()),
    p: (r) => r.remember(integerLine(r.line()) as number),
    g: (r) => r.recall(integerLine(r.line()) as number),
    a: (r) => r.append(r.popSome(1)),
    s: (r) => r.setItems(r.popSome(2)),
    // Protocol 1
    J: (r) => r.push(r.signed(4)),
    K: (r) => r.push(r.unsigned(1)),
    M: (r) => r.push(r.unsigned(2)),
    T: (r) => r.push(r.text(r.unsigned(4))),
    U: (r) => r.push(r.text(r.unsigned(1))),
    X: (r) => r.push(r.text(r.unsigned(4))),
    G: (r) => r.push(finite(r.double())),
    "]": (r) => r.push([]),
    "}": (r) => r.push({}),
    ")": (r) => r.push([]),
    e: (r) => r.append(r.popToMark()),
    u: (r) => r.setItems(r.popToMark()),
    q: (r) => r.remember(r.unsigned(1)),
    r: (r) => r.remember(r.unsigned(4)),
    h: (r) => r.recall(r.unsigned(1)),
    j: (r) => r.recall(r.unsigned(4)),
  }),
  // Protocols 2 to 4
  128: (r) => r.unsigned(1), // PROTO
  133: (r) => r.push(r.popSome(1)),
  134: (r) => r.push(r.popSome(2)),
  135: (r) => r.push(r.popSome(3)),
  136: (r) => r.push(true),
  137: (r) => r.push(false),
  138: (r) => r.push(r.signed(r.unsigned(1))),
  140: (r) => r.push(r.text(r.unsigned(1))),
  148: (r) => r.remember(),
  149: (r) => r.text(8), // FRAME: a length, which is not used
};

function coded(steps: Readonly<Record<string, Step>>): Record<number, Step> {
  return Object.fromEntries(Object.entries(steps).map(([letter, step]) => [letter.charCodeAt(0), step]));
}

function integerLine(text: string): number | boolean {
  if (text === "00" || text === "01") return text === "01";
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`"${text.slice(0, 20)}" is no integer`);
  return value;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("a number is not finite");
  return value;
}

/** A Python string literal; its bytes are UTF-8. */
function quoted(text: string): string {
  const literal = /^(['"])(.*)\1$/.exec(text);
  if (!literal) throw new Error("a text has no quotes");
  const simple: Record<string, string> = { n: "\n", r: "\r", t: "\t" };
  const bytes = literal[2].replace(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (simple[code] ?? code),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Latin-1, with \\uXXXX for all other characters. */
function escaped(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
