import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ZodType } from "zod";
import { NuwaError } from "../core/errors.ts";
import { checkSchema, REMEDY, shownReason } from "../core/schema.ts";
import { mostValues, parseJson, textOf } from "./json.ts";
import { partName, removeLeftoversOnce } from "./leftovers.ts";
import { asRefusal, openInput, requireOwnFile, systemReason, WRITE_REMEDY, writeWhole } from "./opening.ts";

/**
 * Writes a file so that it is either whole or not there: into a temporary neighbour, then renamed. What is there and
 * is no file, such as a link, stays.
 *
 * @throws NuwaError naming the path when something else is there, or the disk refuses
 */
export function writeAtomically(path: string, ...chunks: (string | Uint8Array)[]): void {
  const folder = dirname(path);
  const temporary = join(folder, partName());
  let created = false;
  try {
    makeFolder(folder);
    removeLeftoversOnce(folder);
    requireOwnFile(path);
    // Only where nothing is, not even a link.
    const file = openSync(temporary, "wx");
    created = true;
    try {
      for (const chunk of chunks) writeWhole(file, typeof chunk === "string" ? Buffer.from(chunk) : chunk);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    if (created) rmSync(temporary, { force: true });
    throw asRefusal(path, error, "cannot be written", WRITE_REMEDY);
  }
}

/**
 * Creates a folder and those above it, one by one: Node's own recursion never ends below /proc.
 *
 * @returns those that were created, the innermost last
 * @throws the system's error
 */
export function makeFolder(path: string): string[] {
  if (existsSync(path)) return [];
  const made = makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process made it meanwhile; or it is a link to nowhere.
    if (!existsSync(path)) throw error;
    return made;
  }
  return [...made, path];
}

/**
 * Checks that files can be written into a folder, which need not exist yet, before work is done for them.
 *
 * @throws NuwaError when the folder, or the nearest one above it that exists, is not a writable folder
 */
export function requireWritableFolder(path: string): void {
  if (!existsSync(path) && path !== dirname(path)) {
    requireWritableFolder(dirname(path));
    return;
  }
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new NuwaError(`${path}: cannot be written (${systemReason(error)}). Choose another folder.`);
  }
  if (!statSync(path).isDirectory())
    throw new NuwaError(`${path}: is not a folder, nothing can be written below it. Choose another one.`);
}

/**
 * Refuses a file that cannot be written before work is done for it.
 *
 * @throws NuwaError naming the file or its folder
 */
export function requireWritableFile(path: string): void {
  requireWritableFolder(dirname(resolve(path)));
  if (existsSync(path) && statSync(path).isDirectory())
    throw new NuwaError(`${path}: is a folder. Give the path of a file.`);
  requireOwnFile(path);
}

/**
 * Reads a file that came from somewhere else, with a limit on its size. Of one that grows meanwhile it gives what was
 * there when it was opened.
 *
 * @param maxBytes files above this are refused unread
 * @throws NuwaError when it is missing, not a file, or too large
 */
export function readBytes(path: string, maxBytes: number): Buffer {
  const { file, size } = openInput(path);
  try {
    if (size > maxBytes)
      throw new NuwaError(`${path}: ${size} bytes, more than the ${maxBytes} allowed for this kind of file.`);
    const bytes = Buffer.alloc(size);
    let done = 0;
    for (let read = -1; done < size && read !== 0; done += read)
      read = readSync(file, bytes, done, Math.min(size - done, 2 ** 30), done);
    return bytes.subarray(0, done);
  } catch (error) {
    throw asRefusal(path, error, "cannot be read", "Check the disk.");
  } finally {
    closeSync(file);
  }
}

/**
 * Like {@link readBytes}, as UTF-8.
 *
 * @throws NuwaError also when it is not UTF-8
 */
export function readText(path: string, maxBytes: number): string {
  return readable(path, "is not a text", () => textOf(readBytes(path, maxBytes)));
}

/**
 * The size of a regular file in bytes.
 *
 * @throws NuwaError when there is no such file
 */
export function fileSize(path: string): number {
  const { file, size } = openInput(path);
  closeSync(file);
  return size;
}

/**
 * Reads a JSON file of bounded depth and number of values and checks it against a schema.
 *
 * @param maxBytes files above this are refused unread; the number of values follows from it, see `mostValues`
 * @throws NuwaError naming the file and the first field that is wrong
 */
export function readJson<T>(path: string, schema: ZodType<T>, maxBytes = 8 * 2 ** 20): T {
  const bytes = readBytes(path, maxBytes);
  const value = readable(path, "is not JSON", () => parseJson(bytes, mostValues(maxBytes)));
  return checkSchema(path, value, schema);
}

function readable<T>(path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof NuwaError) throw error;
    throw new NuwaError(`${path}: ${what} (${reasonOf(error)}). ${REMEDY}`);
  }
}

/** The message of a library's error as a part of one of our lines: short, no line breaks, no full stop. */
export function reasonOf(error: unknown): string {
  return shownReason((error as Error).message).replace(/\.$/, "");
}
