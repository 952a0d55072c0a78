/** Why a text is not JSON, or not what was expected there, as a part of a line; it holds nothing of the text. */
export class JsonProblem extends Error {}

/** A number as JSON writes it. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Reads JSON value by value, so that a reader sees what JSON.parse hides: names that stand twice, and how a number is
 * written. Strict: RFC 8259 and, as Rust's serde_json is, without escapes for halves of a pair of surrogates.
 *
 * It follows values inside each other by recursion: check their depth first, see `requireBounded`.
 */
export class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is no space; "" at the end. */
  peek(): string {
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character !== " " && character !== "\n" && character !== "\r" && character !== "\t") return character;
    }
    return "";
  }

  /** An object. @param member gets each key and must read the value behind it */
  object(member: (key: string) => void): void {
    this.#between("{", "}", "an object", () => {
      const key = this.text();
      this.#take(":", "a colon");
      member(key);
    });
  }

  /** A list. @param item must read one value */
  list(item: () => void): void {
    this.#between("[", "]", "a list", item);
  }

  text(): string {
    this.#take('"', "a text");
    const begin = this.#at;
    let escapes = false;
    for (let code = this.#code(); code !== 0x22; code = this.#code()) {
      if (code === 0x5c) {
        escapes = true;
        this.#at++;
      } else if (!(code >= 0x20)) this.fail("a text does not end, or holds a control character");
      this.#at++;
    }
    const written = this.#text.slice(begin, this.#at++);
    const text = escapes ? this.#unescaped(written) : written;
    return escapes && /\p{Cs}/u.test(text) ? this.fail("half a pair of surrogates stands alone") : text;
  }

  /** A number as it is written. */
  number(): string {
    this.peek();
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (!found) return this.fail("a number is expected");
    this.#at = NUMBER.lastIndex;
    return found[0];
  }

  /** Any value. */
  skip(): void {
    const first = this.peek();
    const word = { t: "true", f: "false", n: "null" }[first];
    if (first === "{") this.object(() => this.skip());
    else if (first === "[") this.list(() => this.skip());
    else if (first === '"') this.text();
    else if (word) this.#word(word);
    // serde_json refuses what a double cannot hold.
    else if (!Number.isFinite(Number(this.number()))) this.fail("a number is beyond all");
  }

  /** Nothing but spaces may follow. */
  end(): void {
    if (this.peek() !== "") this.fail("something follows the value");
  }

  /** @throws JsonProblem with the place */
  fail(problem: string): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split("\n").length;
    const column = this.#at - before.lastIndexOf("\n");
    throw new JsonProblem(
      this.#at >= this.#text.length ? "it ends early" : `line ${line}, column ${column}: ${problem}`,
    );
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #take(character: string, what: string): void {
    if (this.peek() !== character) this.fail(`${what} is expected`);
    this.#at++;
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) this.fail("a value is expected");
    this.#at += word.length;
  }

  #between(open: string, close: string, what: string, one: () => void): void {
    this.#take(open, what);
    if (this.peek() !== close) {
      one();
      while (this.peek() === ",") {
        this.#at++;
        one();
      }
    }
    this.#take(close, "a comma or the end");
  }

  #unescaped(written: string): string {
    try {
      return JSON.parse(`"${written}"`);
    } catch {
      return this.fail("a text holds an unknown escape");
    }
  }
}
