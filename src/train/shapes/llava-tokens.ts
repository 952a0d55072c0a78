import { FRACTIONS } from "../../core/boxes.ts";
import { COORDINATE_TOKENS } from "../../world/coordinates.ts";
import { splitWords, vocabulary } from "../../world/vocabulary.ts";
import { type Dialect, idsIn } from "./dialect.ts";
import { tokenizerFile } from "./word-tokenizer.ts";

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

/** The dialect of the miniature of LLaVA: one token a word, boxes in hundredths. */
export function llavaDialect(): Dialect {
  const words = allTokens();
  return {
    words,
    of: idsIn(words, splitWords, specialId("<unk>")),
    answerTo: ({ answer }) => answer,
    firstCoordinate: words.indexOf(COORDINATE_TOKENS[0]),
    coordinates: COORDINATE_TOKENS.length,
    boxUnit: FRACTIONS,
    beforePicture: [specialId("<s>"), specialId("USER:")],
    picture: specialId("<image>"),
    behindPicture: [],
    beforeAnswer: [specialId("ASSISTANT:")],
    end: specialId("</s>"),
    special: new Set(SPECIAL_TOKENS.keys()),
  };
}

/** How a conversation is written; the question part is what training packs (see question-packing.ts). */
const CHAT_TEMPLATE =
  "{{ bos_token }}{% for message in messages %}{{ message.role | upper }}: " +
  "{% for part in message.content %}{{ '<image>' if part.type == 'image' else part.text }} {% endfor %}" +
  "{{ eos_token if message.role == 'assistant' else '' }}{% endfor %}" +
  "{% if add_generation_prompt %}ASSISTANT:{% endif %}";

/** `tokenizer.json`; what is not a word of the world is `<unk>`. */
export function tokenizerJson(): Record<string, unknown> {
  return tokenizerFile({
    words: allTokens(),
    special: SPECIAL_TOKENS.length,
    // The same pattern as the world's `splitWords`.
    pattern: "\\d\\.\\d\\d|[a-z]+|\\d|[^\\sa-z\\d]",
    unknown: "<unk>",
    start: "<s>",
  });
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
