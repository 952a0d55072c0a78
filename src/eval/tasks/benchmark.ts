import { existsSync } from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../core/errors.ts";
import { shown, shownName } from "../../core/schema.ts";
import type { Scoring } from "../score/figures.ts";
import type { Item } from "./item.ts";

/** A task whose questions are read from the files that its authors distribute. */
export interface Benchmark {
  readonly name: string;
  readonly scoring: Scoring;
  /**
   * Its questions, in the order of the files.
   *
   * @param folder of this task, inside the folder of all data; docs/harness.md says what must lie there
   * @throws NuwaError naming the file and the field that is wrong
   */
  read(folder: string): Item[];
}

/** What VQA prompts end with in lmms-eval, the paper's harness. */
export const ONE_WORD = "\nAnswer the question using a single word or phrase.";

/** What prompts with lettered options end with in lmms-eval, the paper's harness. */
export const ONE_LETTER = "\nAnswer with the option's letter from the given choices directly.";

/** After how many tokens lmms-eval truncates the answers of tasks that set a small limit. */
export const SHORT_ANSWER = 16;

/** After how many it truncates them where a task sets no limit, and in MMBench. */
export const LONG_ANSWER = 1024;

/**
 * How an item names a picture that is a file, in the first of some folders that has it.
 *
 * @param subfolders of `folder`, in the order in which they are searched
 * @param name as the data file has it
 */
export function pictureFile(
  folder: string,
  subfolders: readonly string[],
  name: string,
): Pick<Item, "picture" | "pictureName"> {
  return {
    picture: async () => pictureIn(folder, subfolders, name),
    pictureName: () =>
      pathsOf(folder, subfolders, name).find((path) => existsSync(path)) ?? join(folder, subfolders[0], name),
  };
}

/**
 * A picture by the name that a data file gives it, in the first of some folders that has it.
 *
 * @throws NuwaError when the name would lead out of the folder, or no folder has it
 */
function pictureIn(folder: string, subfolders: readonly string[], name: string): string {
  const found = pathsOf(folder, subfolders, name).find((path) => existsSync(path));
  if (found === undefined)
    throw new NuwaError(
      `${join(folder, subfolders[0], shownName(name))}: is missing` +
        (subfolders.length > 1 ? ` (also looked in ${subfolders.slice(1).join(", ")})` : "") +
        ". Put the task's pictures there.",
    );
  return found;
}

/** Where a picture may lie. @throws NuwaError when its name would lead out of the folder */
function pathsOf(folder: string, subfolders: readonly string[], name: string): string[] {
  if (!/^[^/\\\0]+(\/[^/\\\0]+)*$/.test(name) || name.split("/").includes(".."))
    throw new NuwaError(`${folder}: the picture name ${shown(name)} is not a plain file name.`);
  return subfolders.map((subfolder) => join(folder, subfolder, name));
}

/**
 * The first of some files that is there.
 *
 * @throws NuwaError naming all of them
 */
export function firstOf(folder: string, names: readonly string[]): string {
  return allOf(folder, names)[0];
}

/**
 * Those of some files that are there, at least one.
 *
 * @throws NuwaError naming all of them
 */
export function allOf(folder: string, names: readonly string[]): string[] {
  const found = names.map((name) => join(folder, name)).filter((path) => existsSync(path));
  if (found.length === 0)
    throw new NuwaError(`${folder}: holds none of ${names.join(", ")}. docs/harness.md says which files are needed.`);
  return found;
}
