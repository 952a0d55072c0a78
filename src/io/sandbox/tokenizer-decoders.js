import { BYTE_CHARACTERS, bounded, replacer } from "./tokenizer-texts.js";

/*
 * How tokens become text again, as the Python library tokenizers 0.23 does it.
 */

const ENCODER = new TextEncoder();
const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** @param {any} config @returns {(tokens: string[]) => string} */
export function decoderOf(config) {
  if (config === null) return (tokens) => bounded(tokens.join(" "));
  const chain = chainOf(config);
  return (tokens) => bounded(chain(tokens).join(""));
}

/** @param {any} config @returns {(tokens: string[]) => string[]} */
function chainOf(config) {
  switch (config.type) {
    case "Sequence": {
      const steps = config.decoders.map(chainOf);
      return (tokens) => steps.reduce((/** @type {string[]} */ all, /** @type {any} */ step) => step(all), tokens);
    }
    case "Replace": {
      const replace = replacer(config);
      return (tokens) => tokens.map(replace);
    }
    case "Fuse":
      return (tokens) => [bounded(tokens.join(""))];
    case "Strip":
      return (tokens) => tokens.map((token) => stripped(token, config));
    case "ByteFallback":
      return joinBytes;
    case "Metaspace":
      return (tokens) =>
        tokens.map((token, i) => {
          const leads = i === 0 && config.prepend_scheme !== "never";
          return token.replaceAll(config.replacement, leads ? "" : " ");
        });
    default:
      return (tokens) => [fromByteLevel(tokens)];
  }
}

/** @param {string} token @param {any} config of a Strip */
function stripped(token, { content, start, stop }) {
  const characters = Array.from(token);
  let [from, to] = [0, characters.length];
  while (from < Math.min(start, characters.length) && characters[from] === content) from++;
  while (characters.length - to < stop && to > 0 && characters[to - 1] === content) to--;
  // There tokenizers stops with an error: it looks for an end before the text's beginning, or takes a character twice.
  if (from > to || (to === 0 && characters.length < stop))
    throw new Error(`its decoder strips ${start} and ${stop} characters from a token that has not as many`);
  return characters.slice(from, to).join("");
}

/** Runs of byte tokens become text where they are UTF-8; else each byte is shown as one that is not. @type {(tokens: string[]) => string[]} */
function joinBytes(tokens) {
  /** @type {string[]} */
  const texts = [];
  /** @type {number[]} */
  let bytes = [];
  for (const token of [...tokens, undefined]) {
    const byte = token === undefined ? null : BYTE_TOKEN.exec(token);
    if (byte) {
      bytes.push(Number.parseInt(byte[1], 16));
      continue;
    }
    if (bytes.length > 0) texts.push(fromUtf8(bytes) ?? "\ufffd".repeat(bytes.length));
    bytes = [];
    if (token !== undefined) texts.push(token);
  }
  return texts;
}

/** @param {readonly number[]} bytes @returns {string | undefined} */
function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** A token with a character that stands for no byte is the text that it looks like. @param {readonly string[]} tokens */
function fromByteLevel(tokens) {
  const bytes = tokens.flatMap((token) => {
    const own = Array.from(token, (character) => BYTES.get(character));
    return own.includes(undefined) ? [...ENCODER.encode(token)] : /** @type {number[]} */ (own);
  });
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
