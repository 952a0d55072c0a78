import { z } from "zod";
import { shown } from "../core/schema.ts";
import { readablePattern } from "./oniguruma.ts";

/*
 * What tokenizer.json may hold. Every field of every part that is used is named here: one that would be read otherwise
 * than the Python library tokenizers 0.23 reads it is refused. The file's reader is sandbox/tokenizer-engine.js.
 */

/** Ids beyond this are damage: the largest known vocabularies have some 300 000 tokens. */
const MAX_ID = 2 ** 24;
const idMessage = { message: "must be a token id, an integer from 0" };
const id = z
  .int(idMessage)
  .nonnegative(idMessage)
  .max(MAX_ID, { message: `is beyond every vocabulary (${MAX_ID})` });

type Part = z.ZodDiscriminatedUnion<readonly z.core.$ZodTypeDiscriminable[], "type">;

/** Parts that are told apart by their type. */
function oneOf(names: string, options: readonly z.core.$ZodTypeDiscriminable[]): Part {
  return z.discriminatedUnion("type", options as [z.core.$ZodTypeDiscriminable], {
    error: ({ code, input }) => {
      if (code !== "invalid_union") return undefined;
      return `${shown((input as { type?: unknown }).type)} is not supported, only ${names}`;
    },
  });
}

/** Becomes the form that the library reads right. */
const regex = z.string().transform((source, context) => {
  const read = readablePattern(source);
  if ("pattern" in read) return read.pattern;
  context.addIssue({ code: "custom", message: read.problem });
  return z.NEVER;
});
const pattern = z
  .strictObject(
    { String: z.string().min(1).optional(), Regex: regex.optional() },
    { error: ({ code }) => (code === "invalid_type" ? "must be an object with String or Regex" : undefined) },
  )
  .refine(({ String: text, Regex: source }) => (text === undefined) !== (source === undefined), {
    message: "must have String or Regex, one of them",
  });
const behavior = z.enum(["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]);
const replace = z.strictObject({ type: z.literal("Replace"), pattern, content: z.string() });
const form = (type: string) => z.strictObject({ type: z.literal(type) });

const normalizer: Part = oneOf("Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents", [
  z.strictObject({
    type: z.literal("Sequence"),
    get normalizers() {
      return z.array(normalizer);
    },
  }),
  ...["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"].map(form),
  z.strictObject({ type: z.literal("Prepend"), prepend: z.string() }),
  z.strictObject({ type: z.literal("Strip"), strip_left: z.boolean(), strip_right: z.boolean() }),
  replace,
]);

const metaspace = z
  .strictObject({
    type: z.literal("Metaspace"),
    replacement: z.string().refine((text) => [...text].length === 1, { message: "must be one character" }),
    prepend_scheme: z.enum(["always", "first", "never"]).default("always"),
    split: z.boolean().default(true),
    // As older versions wrote it; what it says stands in prepend_scheme, too.
    add_prefix_space: z.boolean().optional(),
    str_rep: z.string().optional(),
  })
  .refine(({ add_prefix_space: leads, prepend_scheme: scheme }) => leads !== false || scheme === "never", {
    path: ["add_prefix_space"],
    message: "false goes with prepend_scheme never alone",
  });
const byteLevel = z.strictObject({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.boolean(),
  // Where tokens begin and end in the text is not asked for.
  trim_offsets: z.boolean(),
  use_regex: z.boolean().default(true),
});

const preTokenizer: Part = oneOf(
  "Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation, WhitespaceSplit, BertPreTokenizer",
  [
    z.strictObject({
      type: z.literal("Sequence"),
      get pretokenizers() {
        return z.array(preTokenizer);
      },
    }),
    z.strictObject({ type: z.literal("Split"), pattern, behavior, invert: z.boolean() }),
    byteLevel,
    metaspace,
    z.strictObject({ type: z.literal("Digits"), individual_digits: z.boolean() }),
    z.strictObject({ type: z.literal("Punctuation"), behavior: behavior.default("Isolated") }),
    form("WhitespaceSplit"),
    form("BertPreTokenizer"),
  ],
);

const typeId = z.int().nonnegative();
const templateItem = z.union([
  z.strictObject({ SpecialToken: z.strictObject({ id: z.string(), type_id: typeId }) }),
  z.strictObject({ Sequence: z.strictObject({ id: z.enum(["A", "B"]), type_id: typeId }) }),
]);
const specialToken = z.strictObject({ id: z.string(), ids: z.array(id), tokens: z.array(z.string()) });
const template = z
  .strictObject({
    type: z.literal("TemplateProcessing"),
    single: z.array(templateItem).refine(
      (items) => {
        const texts = items.flatMap((item) => ("Sequence" in item ? [item.Sequence.id] : []));
        return texts.length === 1 && texts[0] === "A";
      },
      { message: "must hold the Sequence A once" },
    ),
    // Of two texts, which no prompt is.
    pair: z.unknown(),
    special_tokens: z.record(z.string(), specialToken),
  })
  .superRefine(({ single, special_tokens: known }, context) => {
    for (const [i, item] of single.entries())
      if ("SpecialToken" in item && !Object.hasOwn(known, item.SpecialToken.id))
        context.addIssue({
          code: "custom",
          path: ["single", i],
          message: `${shown(item.SpecialToken.id)} is not in special_tokens`,
        });
  });
const ends = { sep: z.tuple([z.string(), id]), cls: z.tuple([z.string(), id]) };
const postProcessor: Part = oneOf("Sequence, TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing", [
  z.strictObject({
    type: z.literal("Sequence"),
    get processors() {
      return z.array(postProcessor);
    },
  }),
  template,
  byteLevel,
  z.strictObject({ type: z.literal("BertProcessing"), ...ends }),
  z.strictObject({
    type: z.literal("RobertaProcessing"),
    ...ends,
    trim_offsets: z.boolean().optional(),
    add_prefix_space: z.boolean().optional(),
  }),
]);

const count = z.int().nonnegative();
const decoder: Part = oneOf("Sequence, ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip", [
  z.strictObject({
    type: z.literal("Sequence"),
    get decoders() {
      return z.array(decoder);
    },
  }),
  byteLevel,
  metaspace,
  replace,
  form("ByteFallback"),
  form("Fuse"),
  z.strictObject({ type: z.literal("Strip"), content: z.string(), start: count, stop: count }),
]);

/** A text that must be empty where other files have null. */
const absent = z.literal("", { message: "is not supported. Only null is" }).nullish();

/** Schemas of lists this long would take seconds: they are checked by hand. */
const vocabulary = z.custom<Readonly<Record<string, number>>>().superRefine((tokens, context) => {
  const wrong = (message: string) => context.addIssue({ code: "custom", message, continue: false });
  if (!isObject(tokens)) return wrong(`must map tokens to ids from 0, not ${shown(tokens)}`);
  const seen = new Set<unknown>();
  for (const [token, number] of Object.entries(tokens)) {
    if (!id.safeParse(number).success) return wrong(`must map ${shown(token)} to an id from 0, not ${shown(number)}`);
    if (seen.has(number)) return wrong(`gives two tokens the id ${number}`);
    seen.add(number);
  }
});

/** A list of pairs, as "a b" in older files. */
const merges = z.array(z.unknown()).transform((pairs, context): [string, string][] => {
  const pairOf = (pair: unknown) => (typeof pair === "string" ? pair.split(" ") : pair);
  const read = pairs.map(pairOf);
  const isPair = (pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 && pair.every((token) => typeof token === "string" && token !== "");
  const wrong = read.findIndex((pair) => !isPair(pair));
  if (wrong < 0) return read as [string, string][];
  context.addIssue({ code: "custom", path: [wrong], message: `must be two tokens, not ${shown(pairs[wrong])}` });
  return z.NEVER;
});

const bpe = z
  .strictObject({
    type: z.literal("BPE").default("BPE"),
    dropout: z.literal(0, { message: "would make ids random. Set it to null" }).nullish(),
    unk_token: z.string().nullable().default(null),
    continuing_subword_prefix: absent,
    end_of_word_suffix: absent,
    fuse_unk: z.boolean().default(false),
    byte_fallback: z.boolean().default(false),
    ignore_merges: z.boolean().default(false),
    vocab: vocabulary,
    merges,
  })
  .superRefine(({ vocab, merges: pairs, byte_fallback: fallsBack }, context) => {
    const known = (token: string) => Object.hasOwn(vocab, token);
    const wrong = pairs.findIndex(([a, b]) => !known(a) || !known(b) || !known(a + b));
    if (wrong >= 0)
      context.addIssue({
        code: "custom",
        path: ["merges", wrong],
        message: `${shown(pairs[wrong])} or what they make is not in the vocabulary`,
      });
    if (fallsBack && !BYTE_TOKENS.every(known))
      context.addIssue({
        code: "custom",
        path: ["byte_fallback"],
        message: "needs all tokens from <0x00> to <0xFF>, and some are not in the vocabulary",
      });
  });
const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const wordLevel = z.strictObject({ type: z.literal("WordLevel"), vocab: vocabulary, unk_token: z.string() });
const model = z
  .looseObject({
    vocab: vocabulary,
    type: z.enum(["BPE", "WordLevel"], { message: "must be BPE or WordLevel: others are not supported" }).optional(),
  })
  // Files of older versions do not name the type of byte pairs.
  .transform((value): unknown => ({ type: "BPE", ...value }))
  .pipe(z.discriminatedUnion("type", [bpe, wordLevel]));

const addedToken = z
  .strictObject(
    {
      id,
      content: z.string({ message: "must be the token's text" }).min(1, { message: "must be the token's text" }),
      single_word: z.literal(false, { message: "true is not supported. Set it to false" }).default(false),
      lstrip: z.boolean().default(false),
      rstrip: z.boolean().default(false),
      normalized: z.boolean().optional(),
      special: z.boolean().default(false),
    },
    { error: ({ code }) => (code === "invalid_type" ? "must be an object with id and content" : undefined) },
  )
  .transform((token) => ({ ...token, normalized: token.normalized ?? !token.special }));
const addedTokens = z.array(addedToken, { message: "must be a list of tokens" }).superRefine((tokens, context) => {
  for (const field of ["id", "content"] as const) {
    const seen = new Set<unknown>();
    for (const [i, token] of tokens.entries()) {
      if (seen.has(token[field]))
        context.addIssue({ code: "custom", path: [i, field], message: `${shown(token[field])} stands there twice` });
      seen.add(token[field]);
    }
  }
});

const unset = z.null({ message: "is not supported: prompts are used whole, as by transformers. Set it to null" });

/** tokenizer.json, with defaults filled in. */
export const tokenizerSchema = z
  .strictObject({
    model,
    added_tokens: addedTokens,
    normalizer: normalizer.nullable().default(null),
    pre_tokenizer: preTokenizer.nullable().default(null),
    post_processor: postProcessor.nullable().default(null),
    decoder: decoder.nullable().default(null),
    version: z.literal("1.0").optional(),
    truncation: unset.optional(),
    padding: unset.optional(),
  })
  .superRefine(({ model: { vocab }, added_tokens: added }, context) => {
    // The Python library gives ids itself, and reads past those of the file where they differ.
    let next = Object.keys(vocab).length;
    for (const [i, { id: given, content }] of added.entries()) {
      const own = Object.hasOwn(vocab, content) ? vocab[content] : next;
      if (given !== own)
        context.addIssue({
          code: "custom",
          path: ["added_tokens", i, "id"],
          message: `${given} is not the id that the Python library gives ${shown(content)}: ${own}`,
        });
      next = Math.max(next, own + 1);
    }
  });

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
