import { z } from "zod";
import { checkSchema } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { COMMON, DECODING } from "../unread-fields.ts";
import type { TextConfig } from "./config.ts";

/** One token id or several. */
export const tokenIds = z.custom<number | number[]>(
  (value) => {
    const ids = [value].flat();
    return ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
  },
  { message: "must be a token id, an integer from 0, or a list of them" },
);

/** What is read of generation_config.json. */
export const generationSchema = unread(
  z.object({ eos_token_id: tokenIds.nullish(), repetition_penalty: z.number().positive().nullish() }),
  [...COMMON, ...DECODING],
);

/**
 * A configuration with what generation_config.json says of decoding: end-of-sequence ids, which go first, and the
 * repetition penalty.
 *
 * @param where the path of config.json, for errors
 * @throws NuwaError naming file and field
 */
export function withGeneration<C extends { readonly text: TextConfig }>(
  where: string,
  config: C,
  generationConfig: Record<string, unknown>,
): C {
  const path = beside(where, "generation_config.json");
  const { eos_token_id: eos, repetition_penalty: penalty } = checkSchema(path, generationConfig, generationSchema);
  const text = {
    ...config.text,
    ...(eos === null || eos === undefined ? {} : { eosTokenIds: [eos].flat() }),
    ...(penalty === null || penalty === undefined || penalty === 1 ? {} : { repetitionPenalty: penalty }),
  };
  return { ...config, text };
}

/** The path of another file of the folder that a config.json lies in. */
export function beside(where: string, name: string): string {
  return where.includes("/") || where.includes("\\") ? where.replace(/[^/\\]*$/, name) : name;
}
