import { isUtf8 } from "node:buffer";

/** What a pickle of plain data holds. Tuples become arrays. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** Marks on the stack where a container's items begin. */
const MARK = Symbol("mark");
type Entry = Plain | typeof MARK;

/** What a list, a dictionary or something kept takes in memory, in values of 8 bytes. */
const CONTAINER = 8;

/** The stack machine of a pickle: it has a state, hence a class. */
export class PickleReader {
  /** The next byte. */
  at = 0;
  readonly #bytes: Buffer;
  readonly #stack: Entry[] = [];
  readonly #memo = new Map<number, Plain>();
  readonly #most: number;
  #values = 0;
  /** Where the present frame ends. */
  #frame = 0;

  /** @param most values that it may make or keep; a list or a dictionary counts as 8 */
  constructor(bytes: Buffer, most: number) {
    this.#bytes = bytes;
    this.#most = most;
  }

  /** The code of the next instruction. */
  code(): number {
    return this.#take(1)[0];
  }

  #take(count: number): Buffer {
    const end = this.at < this.#frame ? this.#frame : this.#bytes.length;
    if (this.at + count > end) throw new Error("it ends early");
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  pop(): Plain {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #top(): Plain {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw new Error("its stack is empty");
    return value;
  }

  push(value: Entry): void {
    this.#count(typeof value === "object" ? CONTAINER : 1);
    this.#stack.push(value);
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > this.#most)
      throw new Error(`it makes more than ${this.#most} values, a list or a dictionary counts as ${CONTAINER}`);
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

  /** A text of Python 3, or one of Python 2, whose bytes are taken for UTF-8. */
  text(bytes: number): string {
    const text = this.#take(bytes);
    if (!isUtf8(text)) throw new Error("a text is not UTF-8");
    return text.toString("utf8");
  }

  protocol(): void {
    if (this.unsigned(1) > 5) throw new Error("its protocol is unknown");
  }

  /** The length of the next part, over whose end no argument may go. */
  frame(): void {
    const bytes = Number(this.#take(8).readBigUInt64LE());
    if (this.at + bytes > this.#bytes.length) throw new Error("it ends early");
    this.#frame = this.at + bytes;
  }

  /** Everything down to the last mark, which goes too. */
  popToMark(): Plain[] {
    const start = this.#stack.lastIndexOf(MARK);
    if (start < 0) throw new Error("a mark is missing");
    const items = this.#stack.splice(start).slice(1);
    return items as Plain[];
  }

  popSome(count: number): Plain[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  append(items: readonly Plain[]): void {
    const list = this.#top();
    if (!Array.isArray(list) || Object.isFrozen(list)) throw new Error("something is appended to what is no list");
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
    this.#count(CONTAINER);
    this.#memo.set(index, this.#top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error("it recalls what it did not keep");
    this.push(value);
  }
}
