import { quantiseBox } from "../../world/coordinates.ts";
import { vocabulary } from "../../world/vocabulary.ts";
import { type Dialect, idsIn } from "./dialect.ts";
import { tokenizerFile } from "./word-tokenizer.ts";

/** Side of the pictures that the miniature of Qwen2.5-VL sees, in pixels, in which it writes boxes. */
export const SIDE = 96;

/** Tokens before the world's words, in the order of their ids. */
const SPECIAL_TOKENS = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<|unknown|>",
  "<|vision_start|>",
  "<|vision_end|>",
  "<|image_pad|>",
  "<|video_pad|>",
] as const;

/** Id of a special token. */
export function qwenId(token: (typeof SPECIAL_TOKENS)[number]): number {
  return SPECIAL_TOKENS.indexOf(token);
}

/** Names of speakers, which are words in Qwen's conversations. */
const SPEAKERS = ["user", "assistant"];

/** A number, a word or a punctuation mark. */
const WORD = "\\d+|[a-z]+|[^\\sa-z\\d]";

/** All tokens, index = id: special ones, words, whole numbers up to the picture's side. */
export function qwenTokens(): readonly string[] {
  const words = vocabulary().filter((word) => !/\d/.test(word));
  return [...SPECIAL_TOKENS, ...SPEAKERS, ...words, ...Array.from({ length: SIDE + 1 }, (_, pixel) => String(pixel))];
}

/** The dialect of the miniature of Qwen2.5-VL: one token a word, boxes in whole pixels. */
export function qwenDialect(): Dialect {
  const words = qwenTokens();
  const split = (text: string) => text.toLowerCase().match(new RegExp(WORD, "g")) ?? [];
  const word = (text: string) => words.indexOf(text);
  return {
    words,
    of: idsIn(words, split, qwenId("<|unknown|>")),
    answerTo: ({ answer, box }) => (box ? `[${quantiseBox(box, SIDE).join(", ")}]` : answer),
    firstCoordinate: word("0"),
    coordinates: SIDE + 1,
    boxUnit: { width: SIDE, height: SIDE },
    beforePicture: [qwenId("<|im_start|>"), word("user"), qwenId("<|vision_start|>")],
    picture: qwenId("<|image_pad|>"),
    behindPicture: [qwenId("<|vision_end|>")],
    beforeAnswer: [qwenId("<|im_end|>"), qwenId("<|im_start|>"), word("assistant")],
    end: qwenId("<|im_end|>"),
    special: new Set(SPECIAL_TOKENS.keys()),
  };
}

/** As Qwen2.5-VL's own, without the system's turn. */
const CHAT_TEMPLATE =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n" +
  "{% for part in message.content %}" +
  "{{ '<|vision_start|><|image_pad|><|vision_end|>' if part.type == 'image' else part.text }}{% endfor %}" +
  "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** `tokenizer.json`; what is not a word of the world is `<|unknown|>`. */
export function qwenTokenizerJson(): Record<string, unknown> {
  return tokenizerFile({
    words: qwenTokens(),
    special: SPECIAL_TOKENS.length,
    pattern: WORD,
    unknown: "<|unknown|>",
  });
}

/** `tokenizer_config.json`, with the chat template. */
export function qwenTokenizerConfig(): Record<string, unknown> {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    eos_token: "<|im_end|>",
    unk_token: "<|unknown|>",
    pad_token: "<|endoftext|>",
    clean_up_tokenization_spaces: false,
    model_max_length: 1024,
    padding_side: "left",
    chat_template: CHAT_TEMPLATE,
  };
}
