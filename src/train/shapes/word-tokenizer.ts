/** A tokenizer of whole words. */
export interface WordTokenizer {
  /** All tokens, index = id; the special ones first. */
  readonly words: readonly string[];
  /** How many of them are special: they are no words, and are left out of a text. */
  readonly special: number;
  /** What matches is a word, the rest is dropped. A regular expression. */
  readonly pattern: string;
  /** The special token that stands for what is not among the words. */
  readonly unknown: string;
  /** The special token that a text starts with, if there is one. */
  readonly start?: string;
}

/** Its `tokenizer.json`: one token a word, case ignored. */
export function tokenizerFile({ words, special, pattern, unknown, start }: WordTokenizer): Record<string, unknown> {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: words.slice(0, special).map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: true },
    post_processor: start === undefined ? null : startingWith(start, words.indexOf(start)),
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(words.map((token, id) => [token, id])),
      unk_token: unknown,
    },
  };
}

function startingWith(token: string, id: number): Record<string, unknown> {
  return {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [
      { SpecialToken: { id: token, type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { Sequence: { id: "B", type_id: 1 } },
    ],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
