import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { loadTokenizer } from "../../src/io/tokenizer.ts";
import { withDamage, withOtherFields } from "./damage.ts";
import type { Case, Target } from "./target.ts";

/** The printable characters that stand for the bytes in vocabularies of byte-level tokenizers. */
const CHARACTERS = (() => {
  const own = [...range(33, 126), ...range(161, 172), ...range(174, 255)];
  const others = range(0, 255).filter((byte) => !own.includes(byte));
  return range(0, 255).map((byte) => String.fromCodePoint(own.includes(byte) ? byte : 256 + others.indexOf(byte)));
})();
function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
/** GPT-2's words, from the paper's code. */
const WORDS = /'(?:[stmd]|re|ve|ll)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const TEXT = "the cat's 2 ears, été 猫 ";

const asBytes = (text: string) => Array.from(Buffer.from(text), (byte) => CHARACTERS[byte]);

/** Pairs of tokens that are there already, each of which makes a new one. */
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((draws) => {
  const tokens = [...new Set(asBytes(TEXT))];
  return draws.flatMap(([a, b]): [string, string][] => {
    const pair: [string, string] = [tokens[a % tokens.length], tokens[b % tokens.length]];
    if (tokens.includes(pair.join(""))) return [];
    tokens.push(pair.join(""));
    return [pair];
  });
});

interface Drawn {
  readonly merges: readonly (readonly [string, string])[];
  readonly added: readonly string[];
  readonly cuts: boolean;
}

function fileOf({ merges: pairs, added, cuts }: Drawn) {
  const tokens = [...CHARACTERS, ...pairs.map(([a, b]) => a + b)];
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: cuts };
  return {
    version: "1.0",
    ...{ truncation: null, padding: null, normalizer: null, post_processor: null },
    added_tokens: added.map((content, i) => ({
      ...{ id: tokens.length + i, content, special: false, single_word: false },
      ...{ lstrip: false, rstrip: false, normalized: false },
    })),
    pre_tokenizer: level,
    decoder: level,
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: pairs,
    },
  };
}

/** The ids by brute force: of all pairs that may be merged the first in the list, at its leftmost place. */
function idsOf({ merges: pairs, added, cuts }: Drawn, text: string): number[] {
  const at = [...text].findIndex((_, i) => added.some((token) => [...text].slice(i).join("").startsWith(token)));
  if (at >= 0) {
    const [before, rest] = [[...text].slice(0, at).join(""), [...text].slice(at).join("")];
    const longest = added.filter((token) => rest.startsWith(token)).sort((a, b) => b.length - a.length)[0];
    const id = CHARACTERS.length + pairs.length + added.indexOf(longest);
    return [
      ...idsOf({ merges: pairs, added: [], cuts }, before),
      id,
      ...idsOf({ merges: pairs, added, cuts }, rest.slice(longest.length)),
    ];
  }
  const words = cuts ? (text.match(WORDS) ?? []) : text === "" ? [] : [text];
  const tokens = [...CHARACTERS, ...pairs.map(([a, b]) => a + b)];
  return words.flatMap((word) => {
    let parts = asBytes(word);
    for (;;) {
      const places = pairs.map(([a, b]) => parts.findIndex((part, i) => part === a && parts[i + 1] === b));
      const first = places.findIndex((place) => place >= 0);
      if (first < 0) return parts.map((part) => tokens.indexOf(part));
      const place = places[first];
      parts = [...parts.slice(0, place), parts[place] + parts[place + 1], ...parts.slice(place + 2)];
    }
  });
}

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...TEXT, "<", "a", ">", "\n"), maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 10 }),
);
const whole = fc.tuple(fc.record({ merges, added: fc.subarray(["<a", "<a>", "cat"]), cuts: fc.boolean() }), text).map(
  ([drawn, written]): Case => ({
    bytes: Buffer.from(JSON.stringify({ text: written, file: fileOf(drawn) })),
    wanted: { ids: idsOf(drawn, written), decoded: written },
  }),
);
const fixture = JSON.parse(readFileSync(new URL("../fixtures/tokenizer/tokenizer.json", import.meta.url), "utf8"));
const others = withOtherFields(fc.constant(fixture)).map(
  (file): Case => ({ bytes: Buffer.from(JSON.stringify({ text: TEXT, file })) }),
);

/** tokenizer.json, with a text before it: `{"text": …, "file": …}`. What is not of this form is the file itself. */
export const tokenizers: Target = {
  name: "tokenizers",
  cases: 60,
  inputs: fc.oneof(withDamage(whole, ["null", '"Regex"', "(a+)+$", "{", "[", "0", '"', "\\u0120"]), others),
  // A pattern may take the five seconds that it is allowed, on both threads.
  seconds: 16,
  read(path) {
    const folder = `${path}-folder`;
    mkdirSync(folder, { recursive: true });
    const written = readFileSync(path, "utf8");
    const [, said, file] = /^\{"text":("(?:[^"\\]|\\.)*"),"file":(.*)\}$/s.exec(written) ?? [];
    writeFileSync(`${folder}/tokenizer.json`, file ?? written);
    const tokenizer = loadTokenizer(folder);
    const ids = tokenizer.encode(textIn(said), false);
    if (!ids.every((id) => Number.isInteger(id) && id >= 0)) throw new Error(`gives the ids ${ids}`);
    return { ids, decoded: tokenizer.decode(ids) };
  },
};

function textIn(json: string | undefined): string {
  try {
    return JSON.parse(json ?? "") as string;
  } catch {
    return TEXT;
  }
}
