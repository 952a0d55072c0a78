import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../src/core/errors.ts";
import type { Wheel } from "./pip.ts";
import { requireNewEnough } from "./plan.ts";
import type { Workspace } from "./workspace.ts";

/**
 * A libtensorflow, complete and checked. Its folder looks like a site-packages folder of Python,
 * because TensorFlow's CUDA build looks for `../nvidia/` beside itself:
 *
 *     tensorflow/   libtensorflow_cc.so.2, libtensorflow_framework.so.2, include/
 *     nvidia/       with CUDA: cudnn/lib/, cublas/lib/ …
 *     *.dist-info/  what the wheels say of themselves: METADATA, licences
 */
export interface Libraries {
  /** Name of the folder below `.native/libtensorflow/`. */
  readonly name: string;
  readonly folder: string;
  /** Where they came from, as text. */
  readonly source: string;
  /** Whether built with CUDA; null where only a run on a GPU can show it. */
  readonly cuda: boolean | null;
  /** The wheels they were taken from, with checksums. */
  readonly wheels: readonly Wheel[];
}

/** The folder of all libraries. */
export function librariesFolder({ folder }: Workspace): string {
  return join(folder, "libtensorflow");
}

/** The libraries of that name, or undefined where they are not complete. */
export function storedLibraries(workspace: Workspace, name: string): Libraries | undefined {
  const folder = join(librariesFolder(workspace), name);
  try {
    const record = JSON.parse(readFileSync(join(folder, "libraries.json"), "utf8")) as Omit<
      Libraries,
      "folder" | "name"
    >;
    libraryFiles(join(folder, "tensorflow"));
    return { ...record, name, folder };
  } catch {
    return undefined;
  }
}

/**
 * A folder in which libraries are put together; it gets its name only once they are complete.
 *
 * @param resume keep what an earlier set-up, broken off, left there
 */
export function beginLibraries(workspace: Workspace, name: string, resume = false): string {
  const part = join(librariesFolder(workspace), `${name}.part`);
  if (!resume) rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  return part;
}

/** Gives complete libraries their name. */
export function completeLibraries(workspace: Workspace, part: string, libraries: Omit<Libraries, "folder">): Libraries {
  const folder = join(librariesFolder(workspace), libraries.name);
  const { name: _, ...record } = libraries;
  writeFileSync(join(part, "libraries.json"), `${JSON.stringify(record, null, 2)}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(part, folder);
  return { ...libraries, folder };
}

/** The two library files in a folder: TensorFlow's C interface (in two spellings) and its core. */
export interface LibraryFiles {
  readonly api: string;
  readonly framework: string;
}

/** @throws NuwaError when the folder lacks one of them */
export function libraryFiles(folder: string): LibraryFiles {
  const find = (...names: string[]) => {
    const name = names.find((candidate) => existsSync(join(folder, candidate)));
    if (!name) throw new NuwaError(`${folder}: has no ${names[0]}. Give the folder that holds libtensorflow.`);
    return join(folder, name);
  };
  return {
    api: find("libtensorflow_cc.so.2", "libtensorflow.so.2"),
    framework: find("libtensorflow_framework.so.2"),
  };
}

/** Version that the C headers state, before anything is compiled against them. */
export function headerVersion(include: string): string | undefined {
  const headers = ["release_version.h", "version.h"].map((name) => join(include, "tensorflow/core/public", name));
  const text = headers.map((path) => (existsSync(path) ? readFileSync(path, "utf8") : "")).join("\n");
  const number = (part: string) => new RegExp(`#define TF_${part}_VERSION (\\d+)`).exec(text)?.[1];
  const [major, minor, patch] = ["MAJOR", "MINOR", "PATCH"].map(number);
  return major && minor ? `${major}.${minor}.${patch ?? 0}` : undefined;
}

/** @throws NuwaError when the headers are missing or of a version that is too old */
export function checkHeaders(include: string): void {
  if (!existsSync(join(include, "tensorflow/c/eager/c_api.h")))
    throw new NuwaError(
      `${include}: has no tensorflow/c/eager/c_api.h. The C headers must lie beside libtensorflow, in include/.`,
    );
  const version = headerVersion(include);
  if (version) requireNewEnough(include, version);
}
