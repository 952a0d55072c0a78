import { type Catalogue, REGISTRY } from "../../eval/run/catalogue.ts";
import { isMethodFile, loadMethodFile } from "../../io/method-file.ts";

/**
 * The registry, and the methods of one's own whose files are named.
 *
 * @throws NuwaError when a file cannot be used
 */
export async function catalogueOf(methods: readonly string[]): Promise<Catalogue> {
  const own = methods.filter(isMethodFile);
  const loaded = await Promise.all(own.map(async (path) => [path, await loadMethodFile(path)] as const));
  return new Map([...REGISTRY, ...loaded]);
}
