import * as library from "@huggingface/tokenizers";
import { decoderOf } from "./tokenizer-decoders.js";
/** @typedef {import("./tokenizer-words.js").Piece} Piece */
import { bounded, escaped, replacer, WHITESPACE } from "./tokenizer-texts.js";
import { preTokenizerOf } from "./tokenizer-words.js";

/*
 * A tokenizer.json as the Python library tokenizers 0.23 reads it. Merging pairs and reading regular expressions are
 * left to @huggingface/tokenizers; its other parts read some fields otherwise than the Python library, or not at all.
 * What is not here is refused by tokenizer-schema.ts.
 */

/** Its declarations leave out the parts that it exports. */
const { BPE } = /** @type {any} */ (library);
const ENCODER = new TextEncoder();

/** @param {any} file the contents of tokenizer.json */
export function openTokenizer(file) {
  const normalize = normalizerOf(file.normalizer);
  const split = preTokenizerOf(file.pre_tokenizer);
  const vocabulary = new Map(Object.entries(file.model.vocab));
  const idsOf = modelOf(file.model, vocabulary);
  const decode = decoderOf(file.decoder);
  const [before, after] = addedBy(file.post_processor);
  /** @type {Map<number, string>} */
  const texts = new Map([...vocabulary].map(([token, id]) => [id, token]));
  const tokens = new Map(texts);
  const special = new Set();
  for (const { id, content, special: isSpecial, normalized: isNormalized } of file.added_tokens) {
    vocabulary.set(content, id);
    tokens.set(id, content);
    // What is written of a normalised token is its normalised text, also where that makes a special token a plain one.
    texts.set(id, isNormalized ? normalize(content) : content);
    if (texts.get(id) === "")
      throw new Error(`has an added token ${JSON.stringify(content)} that normalizes to nothing`);
    if (isSpecial) special.add(content);
  }
  const chosen = (/** @type {boolean} */ wanted) =>
    file.added_tokens.filter((/** @type {any} */ { normalized }) => normalized === wanted);
  const plain = addedTokens(chosen(false), (text) => text);
  const normalized = addedTokens(chosen(true), normalize);
  return {
    /** @param {string} text @param {boolean} addSpecialTokens */
    encode(text, addSpecialTokens) {
      const ids = plain({ text: bounded(text), first: true }).flatMap((section) => {
        if (section.id !== undefined) return [section.id];
        return normalized({ ...section, text: normalize(section.text) }).flatMap((piece) =>
          piece.id !== undefined ? [piece.id] : split([piece]).flatMap((word) => idsOf(word.text)),
        );
      });
      return addSpecialTokens ? [...before, ...ids, ...after] : ids;
    },
    /** @param {readonly number[]} ids */
    decode: (ids) => decode(ids.flatMap((id) => texts.get(id) ?? []).filter((text) => !special.has(text))),
    /** @param {string} token */
    idOf: (token) => vocabulary.get(token),
    /** @param {number} id */
    tokenOf: (id) => tokens.get(id),
  };
}

/**
 * Cuts added tokens out of a text: the leftmost, and of those the longest. They take in the white space beside them
 * where they say so.
 *
 * @param {readonly any[]} added
 * @param {(text: string) => string} normalize
 * @returns {(piece: Piece) => Piece[]}
 */
function addedTokens(added, normalize) {
  const byText = new Map(added.map((token) => [normalize(token.content), token]));
  const longestFirst = [...byText.keys()].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return (piece) => (piece.text === "" ? [] : [piece]);
  const pattern = new RegExp(longestFirst.map(escaped).join("|"), "gu");
  return ({ text, first }) => {
    /** @type {Piece[]} */
    const pieces = [];
    let done = 0;
    for (const { 0: found, index } of text.matchAll(pattern)) {
      const { id, lstrip, rstrip } = byText.get(found);
      let [start, end] = [index, index + found.length];
      if (lstrip) {
        while (start > done && WHITESPACE.test(text[start - 1])) start--;
        start = Math.max(start, done);
      }
      if (rstrip) while (end < text.length && WHITESPACE.test(text[end])) end++;
      // The token before took this one in with the white space behind it.
      if (lstrip && end <= start) continue;
      if (done < start) pieces.push({ text: text.slice(done, start), first: first && done === 0 });
      pieces.push({ text: found, first: false, id });
      done = end;
    }
    if (done < text.length) pieces.push({ text: text.slice(done), first: first && done === 0 });
    return pieces;
  };
}

/** @param {any} config @returns {(text: string) => string} */
function normalizerOf(config) {
  if (config === null) return (text) => text;
  switch (config.type) {
    case "Sequence": {
      const steps = config.normalizers.map(normalizerOf);
      return (text) => steps.reduce((/** @type {string} */ all, /** @type {any} */ step) => step(all), text);
    }
    case "Prepend":
      return (text) => (text === "" ? text : bounded(config.prepend + text));
    case "Replace":
      return replacer(config);
    case "Lowercase":
      // Character by character: the Greek sigma at the end of a word is no case of its own there.
      return (text) => Array.from(text, (character) => character.toLowerCase()).join("");
    case "Strip": {
      const { strip_left: left, strip_right: right } = config;
      const ends = [...(left ? ["^\\p{White_Space}+"] : []), ...(right ? ["\\p{White_Space}+$"] : [])];
      return ends.length === 0 ? (text) => text : (text) => text.replace(new RegExp(ends.join("|"), "gu"), "");
    }
    case "StripAccents":
      return (text) => text.replace(/\p{M}/gu, "");
    default:
      return (text) => bounded(text.normalize(config.type));
  }
}

/**
 * @param {any} model
 * @param {Map<string, any>} vocabulary
 * @returns {(word: string) => number[]}
 */
function modelOf(model, vocabulary) {
  const known = new Map(vocabulary);
  const unknown = model.unk_token === null ? undefined : known.get(model.unk_token);
  const unknownId = (/** @type {string} */ text) => {
    if (unknown !== undefined) return unknown;
    throw new Error(
      `has no token for ${JSON.stringify(text.slice(0, 20))}, and field "model.unk_token" names none to stand for it`,
    );
  };
  if (model.type === "WordLevel") return (word) => [known.get(word) ?? unknownId(word)];
  const bpe = new BPE({ ...model, continuing_subword_prefix: null, end_of_word_suffix: null });
  return (word) => {
    if (model.ignore_merges && known.has(word)) return [known.get(word)];
    /** @type {number[]} */
    const ids = [];
    let fusing = false;
    for (const token of bpe.bpe(word)) {
      const id = known.get(token);
      if (id !== undefined) ids.push(id);
      else if (model.byte_fallback)
        ids.push(...Array.from(ENCODER.encode(token), (byte) => known.get(byteToken(byte))));
      else if (!(fusing && model.fuse_unk)) ids.push(unknownId(token));
      fusing = id === undefined;
    }
    return ids;
  };
}

/** @param {number} byte */
function byteToken(byte) {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/**
 * What a post-processor puts before and behind the ids of a text.
 *
 * @param {any} config
 * @returns {[before: number[], after: number[]]}
 */
function addedBy(config) {
  if (config === null || config.type === "ByteLevel") return [[], []];
  if (config.type === "Sequence") {
    return config.processors.reduce(
      (/** @type {[number[], number[]]} */ [before, after], /** @type {any} */ step) => {
        const [front, back] = addedBy(step);
        return [
          [...front, ...before],
          [...after, ...back],
        ];
      },
      [[], []],
    );
  }
  if (config.type !== "TemplateProcessing") return [[config.cls[1]], [config.sep[1]]];
  const at = config.single.findIndex((/** @type {any} */ item) => item.Sequence);
  const [before, after] = [config.single.slice(0, at), config.single.slice(at + 1)].map((items) =>
    items.flatMap((/** @type {any} */ item) => config.special_tokens[item.SpecialToken.id].ids),
  );
  return [before, after];
}
