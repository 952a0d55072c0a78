import { BYTE_CHARACTERS, patternOf } from "./tokenizer-texts.js";

/*
 * How a text is cut into words, as the Python library tokenizers 0.23 does it.
 */

/**
 * A part of a text, on its way to tokens.
 *
 * @typedef {object} Piece
 * @property {string} text
 * @property {boolean} first whether the whole text begins with it
 * @property {number} [id] of the added token that it is
 */

/** How GPT-2 splits words; the pattern is part of the format. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION = "[\\p{P}$+<=>^`|~]";
const ENCODER = new TextEncoder();

/** @param {any} config @returns {(pieces: Piece[]) => Piece[]} */
export function preTokenizerOf(config) {
  if (config === null) return (pieces) => pieces;
  const splitting = (/** @type {string} */ regex, behavior = "Removed", invert = false) =>
    splitter({ pattern: { Regex: regex }, behavior, invert });
  switch (config.type) {
    case "Sequence": {
      const steps = config.pretokenizers.map(preTokenizerOf);
      return (pieces) => steps.reduce((/** @type {Piece[]} */ all, /** @type {any} */ step) => step(all), pieces);
    }
    case "Split":
      return splitter(config);
    case "WhitespaceSplit":
      return splitting("\\s");
    case "BertPreTokenizer": {
      const [words, signs] = [splitting("\\s"), splitting(PUNCTUATION, "Isolated")];
      return (pieces) => signs(words(pieces));
    }
    case "Punctuation":
      return splitting(PUNCTUATION, config.behavior);
    case "Digits":
      return splitting("\\p{N}", config.individual_digits ? "Isolated" : "Contiguous");
    case "Metaspace":
      return metaspace(config);
    default:
      return byteLevel(config);
  }
}

/** @param {any} config of a Split @returns {(pieces: Piece[]) => Piece[]} */
function splitter({ pattern, behavior, invert }) {
  const compiled = patternOf(pattern);
  return (pieces) =>
    pieces.flatMap(({ text, first }) => {
      /** @type {{ text: string, cut: boolean }[]} */
      const parts = [];
      let done = 0;
      for (const { 0: found, index } of text.matchAll(compiled)) {
        if (found === "") throw new Error("has a pattern that finds an empty text");
        if (done < index) parts.push({ text: text.slice(done, index), cut: invert });
        parts.push({ text: found, cut: !invert });
        done = index + found.length;
      }
      if (done < text.length) parts.push({ text: text.slice(done), cut: invert });
      return joined(parts, behavior).map((run) => ({
        text: run.map((part) => part.text).join(""),
        first: first && run[0] === parts[0],
      }));
    });
}

/**
 * The parts of a text, put together as a Split says.
 *
 * @template {{ text: string, cut: boolean }} T
 * @param {T[]} parts
 * @param {string} behavior
 * @returns {T[][]}
 */
function joined(parts, behavior) {
  if (behavior === "Isolated") return parts.map((part) => [part]);
  if (behavior === "Removed") return parts.filter(({ cut }) => !cut).map((part) => [part]);
  const backwards = behavior === "MergedWithNext";
  /** @type {T[][]} */
  const runs = [];
  /** @type {boolean | undefined} */
  let last;
  for (const part of backwards ? parts.toReversed() : parts) {
    const run = runs.at(-1);
    const goesOn = behavior === "Contiguous" ? part.cut === last : part.cut && !last;
    if (run && goesOn) run.push(part);
    else runs.push([part]);
    last = part.cut;
  }
  return backwards ? runs.reverse().map((run) => run.reverse()) : runs;
}

/** @param {any} config @returns {(pieces: Piece[]) => Piece[]} */
function metaspace({ replacement, prepend_scheme: scheme, split }) {
  const words = splitter({ pattern: { String: replacement }, behavior: "MergedWithNext", invert: false });
  return (pieces) => {
    const marked = pieces.map(({ text, first }) => {
      const spaced = text.replaceAll(" ", () => replacement);
      const leads = !spaced.startsWith(replacement) && (scheme === "always" || (scheme === "first" && first));
      return { text: leads ? replacement + spaced : spaced, first };
    });
    return split ? words(marked) : marked;
  };
}

/** @param {any} config @returns {(pieces: Piece[]) => Piece[]} */
function byteLevel({ add_prefix_space: leads, use_regex: cuts }) {
  const words = splitter({ pattern: { Regex: GPT2 }, behavior: "Isolated", invert: false });
  return (pieces) => {
    const led = pieces.map(({ text, first }) => ({ text: leads && !text.startsWith(" ") ? ` ${text}` : text, first }));
    return (cuts ? words(led) : led).map(({ text, first }) => ({
      text: Array.from(ENCODER.encode(text), (byte) => BYTE_CHARACTERS[byte]).join(""),
      first,
    }));
  };
}
