import { z } from "zod";
import { shown } from "../core/schema.ts";
import { decoder, normalizer, postProcessor, preTokenizer, tokenId } from "./tokenizer-parts.ts";

/*
 * What tokenizer.json may hold. Every field of every part that is used is named; one that would be read otherwise than
 * the Python library tokenizers 0.23 reads it is refused. The file's reader is sandbox/tokenizer-engine.js.
 */

/** A text that must be empty where other files have null. */
const absent = z.literal("", { message: "is not supported. Only null is" }).nullish();

/** Schemas of lists this long would take seconds: they are checked by hand. */
const vocabulary = z.custom<Readonly<Record<string, number>>>().superRefine((tokens, context) => {
  const wrong = (message: string) => context.addIssue({ code: "custom", message, continue: false });
  if (!isObject(tokens)) return wrong(`must map tokens to ids from 0, not ${shown(tokens)}`);
  const seen = new Set<unknown>();
  for (const [token, number] of Object.entries(tokens)) {
    if (!tokenId.safeParse(number).success)
      return wrong(`must map ${shown(token)} to an id from 0, not ${shown(number)}`);
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
      id: tokenId,
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

/** Without effect: transformers unsets both unless it is called with others, and prompts are used whole. */
const ignored = z.record(z.string(), z.unknown()).nullable().optional();

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
    truncation: ignored,
    padding: ignored,
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
