import { existsSync } from "node:fs";
import { join } from "node:path";
import { LimitError, NuwaError } from "../core/errors.ts";
import type { Tokenizer } from "../pipeline/processor.ts";
import { readJson, reasonOf } from "./files.ts";
import { openEngine } from "./sandbox/host.ts";
import { tokenizerSchema } from "./tokenizer-schema.ts";

/** The largest known tokenizer.json files have about 30 MB. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * Loads the tokenizer of a checkpoint folder: tokenizer.json, which is all that transformers' fast tokenizers use.
 *
 * Its functions run in a worker thread with limits of time and memory.
 *
 * @throws NuwaError when the file is missing, too large, not JSON, or of an unknown kind, or a field is damaged
 * @throws LimitError where it takes more time or memory than it may
 */
export function loadTokenizer(directory: string): Tokenizer {
  const path = join(directory, "tokenizer.json");
  if (!existsSync(path))
    throw new NuwaError(`${path}: is missing. Save the tokenizer in its fast form (tokenizer.json) beside the model.`);
  const json = readJson(path, tokenizerSchema, MAX_BYTES);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new (error instanceof LimitError ? LimitError : NuwaError)(
        `${path}: ${reasonOf(error)}. Mend the file, or fetch it again.`,
      );
    }
  };
  const engine = guarded(() => openEngine("tokenizer", json));
  const ask = <T>(name: string, ...args: unknown[]) => guarded(() => engine.call(name, ...args)) as T;
  return {
    encode: (text, addSpecialTokens) => ask("encode", text, addSpecialTokens),
    decode: (ids) => ask("decode", ids),
    idOf: (token) => ask("idOf", token),
    tokenOf: (id) => ask("tokenOf", id),
  };
}
