import { z } from "zod";
import { shown } from "../core/schema.ts";
import { readablePattern } from "./oniguruma.ts";

/*
 * The parts of tokenizer.json around its model: how a text is cut into words, and tokens are put together again. A type
 * or field that is not named here would be read otherwise than the Python library tokenizers 0.23 reads it.
 */

/** Ids beyond this are damage: the largest known vocabularies have some 300 000 tokens. */
const MAX_ID = 2 ** 24;
const idMessage = { message: "must be a token id, an integer from 0" };
/** A token id of a file. */
export const tokenId = z
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

/** What is done to a text first. */
export const normalizer: Part = oneOf(
  "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents",
  [
    z.strictObject({
      type: z.literal("Sequence"),
      get normalizers() {
        return z.array(normalizer);
      },
    }),
    ...["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"].map(form),
    z.strictObject({ type: z.literal("Prepend"), prepend: z.string().min(1) }),
    z.strictObject({ type: z.literal("Strip"), strip_left: z.boolean(), strip_right: z.boolean() }),
    replace,
  ],
);

const oneCharacter = z.string().refine((text) => [...text].length === 1, { message: "must be one character" });
const metaspace = z
  .strictObject({
    type: z.literal("Metaspace"),
    replacement: oneCharacter,
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

/** How a text is cut into words. */
export const preTokenizer: Part = oneOf(
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
const specialToken = z.strictObject({ id: z.string(), ids: z.array(tokenId), tokens: z.array(z.string()) });
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
/** Whether a step puts tokens around a text; tokenizers nests several in a way of its own. */
function addsTokens(step: unknown): boolean {
  const { type, processors } = step as { type: string; processors?: readonly unknown[] };
  return type === "Sequence" ? (processors ?? []).some(addsTokens) : type !== "ByteLevel";
}

const ends = { sep: z.tuple([z.string(), tokenId]), cls: z.tuple([z.string(), tokenId]) };
/** What is put around the tokens of a text. */
export const postProcessor: Part = oneOf("Sequence, TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing", [
  z.strictObject({
    type: z.literal("Sequence"),
    get processors() {
      return z.array(postProcessor).refine((steps) => steps.filter(addsTokens).length <= 1, {
        message: "may hold one step that adds tokens, not several",
      });
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
/** How tokens become a text. */
export const decoder: Part = oneOf("Sequence, ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip", [
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
  z.strictObject({ type: z.literal("Strip"), content: oneCharacter, start: count, stop: count }),
]);
