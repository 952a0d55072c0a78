import type { Tokenizer } from "../../pipeline/processor.ts";
import { COORDINATE_TOKENS } from "../../world/coordinates.ts";
import { splitWords, vocabulary } from "../../world/vocabulary.ts";

/** Tokens before the world's words, in the order of their ids. */
export const SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "USER:", "ASSISTANT:"] as const;
export type SpecialToken = (typeof SPECIAL_TOKENS)[number];

/** Id of a special token. */
export function specialId(token: SpecialToken): number {
  return SPECIAL_TOKENS.indexOf(token);
}

/** All tokens, index = id. */
export function allTokens(): readonly string[] {
  return [...SPECIAL_TOKENS, ...vocabulary()];
}

/** Words of the world's texts to ids; what `tokenizer.json` does to the same texts, without reading it. */
export interface WordIds {
  readonly size: number;
  /** Ids of a question or an answer. */
  of(text: string): number[];
  readonly words: readonly string[];
  /** Id of "0.00"; those of the other coordinates follow. */
  readonly firstCoordinate: number;
}

/** The ids of the world's vocabulary. */
export function wordIds(): WordIds {
  const words = allTokens();
  const ids = new Map(words.map((word, id) => [word, id]));
  const unknown = specialId("<unk>");
  return {
    size: words.length,
    of: (text) => splitWords(text).map((word) => ids.get(word) ?? unknown),
    words,
    firstCoordinate: ids.get(COORDINATE_TOKENS[0]) as number,
  };
}

/** How a conversation is written; the question part is what training packs (see question-packing.ts). */
const CHAT_TEMPLATE =
  "{{ bos_token }}{% for message in messages %}{{ message.role | upper }}: " +
  "{% for part in message.content %}{{ '<image>' if part.type == 'image' else part.text }} {% endfor %}" +
  "{{ eos_token if message.role == 'assistant' else '' }}{% endfor %}" +
  "{% if add_generation_prompt %}ASSISTANT:{% endif %}";

/** `tokenizer.json`: one token a word, case ignored; what is not a word of the world is `<unk>`. */
export function tokenizerJson(): Record<string, unknown> {
  const special = (token: SpecialToken) => ({
    id: specialId(token),
    content: token,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map(special),
    normalizer: { type: "Lowercase" },
    // The same pattern as the world's `splitWords`: what matches is a word, the rest is dropped.
    pre_tokenizer: {
      type: "Split",
      pattern: { Regex: "\\d\\.\\d\\d|[a-z]+|\\d|[^\\sa-z\\d]" },
      behavior: "Removed",
      invert: true,
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
      ],
      special_tokens: { "<s>": { id: "<s>", ids: [specialId("<s>")], tokens: ["<s>"] } },
    },
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(allTokens().map((token, id) => [token, id])),
      unk_token: "<unk>",
    },
  };
}

/** `tokenizer_config.json`, with the chat template. */
export function tokenizerConfig(): Record<string, unknown> {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    image_token: "<image>",
    clean_up_tokenization_spaces: false,
    model_max_length: 1024,
    padding_side: "left",
    chat_template: CHAT_TEMPLATE,
  };
}

/** The ids of a question with its picture, as the chat template and the tokenizer give them. */
export function promptIds(words: WordIds, question: string): number[] {
  return [...PREFIX, specialId("<image>"), ...words.of(question), specialId("ASSISTANT:")];
}

/** The tokens before the picture. */
export const PREFIX: readonly number[] = [specialId("<s>"), specialId("USER:")];

/** A box or a word as text, from answer ids; special tokens left out. */
export function answerText(tokenizer: Pick<Tokenizer, "decode"> | WordIds, ids: readonly number[]): string {
  if ("decode" in tokenizer) return tokenizer.decode(ids);
  return ids
    .filter((id) => id >= SPECIAL_TOKENS.length)
    .map((id) => tokenizer.words[id])
    .join(" ");
}
