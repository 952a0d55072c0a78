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
export const generationSchema = unread(z.object({ eos_token_id: tokenIds.nullish() }), [...COMMON, ...DECODING]);

/**
 * A configuration with the end-of-sequence ids of generation_config.json, which go first.
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
  const { eos_token_id: eos } = checkSchema(path, generationConfig, generationSchema);
  return eos === null || eos === undefined
    ? config
    : { ...config, text: { ...config.text, eosTokenIds: [eos].flat() } };
}

/** The path of another file of the folder that a config.json lies in. */
export function beside(where: string, name: string): string {
  return where.includes("/") || where.includes("\\") ? where.replace(/[^/\\]*$/, name) : name;
}
