import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../core/errors.ts";

/** What a path is to the user, such as its option, and the path; undefined where the option was not given. */
export type NamedPath = readonly [what: string, path: string | undefined];

/**
 * Refuses to write where something is read, or twice in one place: the second would take the place of the first.
 *
 * @param outputs files and folders that a command writes
 * @param inputs files that it reads
 * @throws UsageError naming both
 */
export function requireApart(outputs: readonly NamedPath[], inputs: readonly NamedPath[]): void {
  const given = ([, path]: NamedPath) => path !== undefined && path !== "";
  const taken = new Map(inputs.filter(given).map(([what, path]) => [placeOf(path as string), what]));
  for (const [what, path] of outputs.filter(given)) {
    const place = placeOf(path as string);
    const other = taken.get(place);
    if (other !== undefined) throw new UsageError(`${what} and ${other} name the same file. Give each one of its own.`);
    taken.set(place, what);
  }
}

/** Files that a command writes into a folder, to be named in an error. */
export function filesIn(folder: string | undefined, names: readonly string[]): NamedPath[] {
  if (folder === undefined || folder === "") return [];
  return [["--out", folder], ...names.map((name): NamedPath => [`${name} in --out`, join(folder, name)])];
}

/** A path without links, as far as it is there: one file may have several names. */
function placeOf(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  return whole === dirname(whole) ? whole : join(placeOf(dirname(whole)), basename(whole));
}
