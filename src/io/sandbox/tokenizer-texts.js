import * as library from "@huggingface/tokenizers";

/*
 * What the parts of a tokenizer share.
 */

/** The library's declarations leave out the parts that it exports. */
const { SplitPreTokenizer } = /** @type {any} */ (library);
/** Of a text on its way to tokens or back. The longest prompts of models have some 10 million characters. */
const MAX_CHARACTERS = 2 ** 23;

/** One character of white space, as Unicode says; JavaScript's own \s differs in two characters. */
export const WHITESPACE = /^\p{White_Space}$/u;

/**
 * Refuses texts that have grown too long.
 *
 * @param {string} text
 * @param {number} [length] of what it will become
 */
export function bounded(text, length = text.length) {
  if (length > MAX_CHARACTERS) throw new Error(`lets a text grow beyond ${MAX_CHARACTERS} characters`);
  return text;
}

/** @param {string} text @returns {string} a regular expression for just this text */
export function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, (sign) => `\\${sign}`);
}

/** @param {any} config of a Replace @returns {(text: string) => string} */
export function replacer({ pattern, content }) {
  const compiled = patternOf(pattern);
  return (text) => {
    let size = 0;
    return text.replaceAll(compiled, (found) => {
      size += content.length;
      if (found === "") throw new Error("has a pattern that finds an empty text");
      if (size > text.length) bounded(text, size);
      return content;
    });
  };
}

/** @param {{ String?: string, Regex?: string }} pattern @returns {RegExp} */
export function patternOf(pattern) {
  if (pattern.String !== undefined) return new RegExp(escaped(pattern.String), "gu");
  return new SplitPreTokenizer({ pattern, invert: true }).pattern;
}

/** The bytes as the characters that stand for them in byte-level vocabularies. */
export const BYTE_CHARACTERS = byteCharacters();

/** Printable bytes stand for themselves, the others for characters from U+0100 on. @returns {string[]} */
function byteCharacters() {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(printable ? byte : next++);
  });
}
