import { createHash } from "node:crypto";
import type { OpenedModel } from "../../io/load.ts";
import { streamInput } from "../../io/opening.ts";

/** SHA-256 of a checkpoint's configuration and weight files: answers of two models must not be mixed. */
export async function fingerprint({ checkpoint, locations }: OpenedModel): Promise<string> {
  const files = new Set(locations.map(({ file }) => file.path));
  return digest(files, JSON.stringify(checkpoint.config));
}

/**
 * SHA-256 of the files of methods, undefined where there are none: answers of a method before and after a change must
 * not be mixed.
 */
export async function methodsFingerprint(paths: readonly string[]): Promise<string | undefined> {
  return paths.length > 0 ? digest(paths) : undefined;
}

async function digest(paths: Iterable<string>, first = ""): Promise<string> {
  const hash = createHash("sha256").update(first);
  for (const path of paths) for await (const chunk of streamInput(path)) hash.update(chunk);
  return hash.digest("hex");
}
