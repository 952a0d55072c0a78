import { constants, isUtf8 } from "node:buffer";
import { JsonCursor, JsonProblem } from "./json-cursor.ts";

/** Lists and objects inside each other that serde_json, which safetensors reads with, allows. */
const DEEPEST = 127;

/** What a list or an object takes in memory, in values. */
const CONTAINER = 8;

/**
 * The values that the JSON of a kind of file may hold: with 8 bytes each, what is parsed takes no more memory than the
 * largest file of that kind, besides its texts.
 *
 * @param maxBytes the largest file of that kind
 */
export function mostValues(maxBytes: number): number {
  return Math.max(2 ** 16, maxBytes / 8);
}

/**
 * Parses JSON that came from somewhere else: in UTF-8, of bounded depth and number of values.
 *
 * @param most values that it may hold; a list or an object counts as 8
 * @throws JsonProblem without any of the text
 */
export function parseJson(bytes: Uint8Array, most: number): unknown {
  requireBounded(bytes, most);
  const text = textOf(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    // JSON.parse would show what the text holds, and not always where.
    const cursor = new JsonCursor(text);
    cursor.skip();
    cursor.end();
    throw error;
  }
}

/**
 * The text of a file in UTF-8.
 *
 * @throws JsonProblem when it is not UTF-8, or longer than a text can be
 */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > constants.MAX_STRING_LENGTH) throw new JsonProblem(`it has ${bytes.length} bytes, too many`);
  if (!isUtf8(bytes)) throw new JsonProblem("it is not UTF-8");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/**
 * Refuses JSON whose values would take much more memory than its text, before it is parsed.
 *
 * @param most values; a list or an object counts as 8
 * @throws JsonProblem
 */
export function requireBounded(bytes: Uint8Array, most: number): void {
  let [values, depth] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case 0x22: // "
        at = endOfText(bytes, at + 1);
        continue;
      case 0x5b: // [
      case 0x7b: // {
        values += CONTAINER;
        if (++depth > DEEPEST) throw new JsonProblem(`more than ${DEEPEST} lists and objects stand inside each other`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
        values++;
        break;
    }
    if (values > most)
      throw new JsonProblem(`it holds more than ${Math.floor(most)} values (a list or an object counts as 8)`);
  }
}

/** Where the quote that ends a text is. */
function endOfText(bytes: Uint8Array, begin: number): number {
  let at = begin;
  while (at < bytes.length && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
  return at;
}
