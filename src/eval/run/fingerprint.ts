import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { OpenedModel } from "../../io/load.ts";

/**
 * SHA-256 of a checkpoint's configuration and weight files, and of other files that answers depend on: answers of two
 * models, or of a method before and after a change, must not be mixed.
 */
export async function fingerprint(
  { checkpoint, locations }: OpenedModel,
  others: readonly string[] = [],
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(checkpoint.config));
  for (const path of [...new Set(locations.map(({ file }) => file.path)), ...others])
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
