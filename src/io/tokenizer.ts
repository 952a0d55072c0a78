import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { NuwaError } from "../core/errors.ts";
import type { Tokenizer } from "../pipeline/processor.ts";
import { readJson, reasonOf } from "./files.ts";

/** Ids beyond this are damage: the largest known vocabularies have some 300 000 tokens. */
const MAX_ID = 2 ** 24;
const addedToken = z.looseObject(
  {
    id: z
      .int({ message: "must be a token id, an integer from 0" })
      .nonnegative({ message: "must be a token id, an integer from 0" })
      .max(MAX_ID, { message: `is beyond every vocabulary (${MAX_ID})` }),
    content: z.string({ message: "must be the token's text" }).min(1, { message: "must be the token's text" }),
  },
  { message: "must be an object with id and content" },
);
const addedTokens = z.array(addedToken, { message: "must be a list of tokens" }).superRefine((tokens, context) => {
  for (const field of ["id", "content"] as const) {
    const seen = new Set<unknown>();
    for (const [i, token] of tokens.entries()) {
      if (seen.has(token[field]))
        context.addIssue({
          code: "custom",
          path: [i, field],
          message: `${JSON.stringify(token[field])} stands there twice`,
        });
      seen.add(token[field]);
    }
  }
});

const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z
      .enum(["BPE", "Unigram", "WordLevel", "WordPiece"], { message: "must be BPE, Unigram, WordLevel or WordPiece" })
      .optional(),
    vocab: z.union([z.record(z.string(), z.int().nonnegative()), z.array(z.unknown()).nonempty()], {
      message: "must map tokens to ids from 0, or list them",
    }),
  }),
  added_tokens: addedTokens,
});
const configSchema = z.looseObject({});

/** The largest known tokenizer.json files have about 30 MB. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * Loads the tokenizer of a checkpoint folder: tokenizer.json and, where there is one, tokenizer_config.json.
 *
 * @throws NuwaError when the file is missing, too large, not JSON, or of an unknown kind, or a field is damaged
 */
export function loadTokenizer(directory: string): Tokenizer {
  const path = join(directory, "tokenizer.json");
  const configPath = join(directory, "tokenizer_config.json");
  if (!existsSync(path))
    throw new NuwaError(`${path}: is missing. Save the tokenizer in its fast form (tokenizer.json) beside the model.`);
  const json = readJson(path, tokenizerSchema, MAX_BYTES);
  const config = existsSync(configPath) ? readJson(configPath, configSchema) : {};
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new NuwaError(
        `${path}: cannot be used (${reasonOf(error)}). The file is damaged or of a kind that is not supported.`,
      );
    }
  };
  const tokenizer = guarded(() => new HuggingFaceTokenizer(json, config));
  return {
    encode(text, addSpecialTokens) {
      const { ids, tokens } = guarded(() => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }));
      // The library's answer where a text holds what no token stands for.
      const unknown = ids.findIndex((id: unknown) => !Number.isInteger(id));
      if (unknown >= 0)
        throw new NuwaError(
          `${path}: has no token for "${tokens[unknown]}", and field "model.unk_token" names none to stand for ` +
            "it. Fetch the file again.",
        );
      return ids;
    },
    decode: (ids) =>
      ids.length === 0
        ? ""
        : guarded(() => tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false })),
    idOf: (token) => tokenizer.token_to_id(token),
    tokenOf: (id) => tokenizer.id_to_token(id),
  };
}
