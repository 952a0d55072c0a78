import { isUtf8 } from "node:buffer";
import type { ZodType } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import { readBytes, readText, reasonOf } from "../../io/files.ts";
import { mostValues, parseJson } from "../../io/json.ts";

/**
 * A JSON file of a data set. An editor may have put a byte-order mark at its beginning, which does not belong to JSON.
 *
 * @param maxBytes files above this are refused unread
 * @throws NuwaError naming the file and the first field that is wrong
 */
export function readData<T>(path: string, schema: ZodType<T>, maxBytes: number): T {
  return parseData(path, readText(path, maxBytes).replace(/^\ufeff/, ""), schema, maxBytes);
}

/**
 * A file of plain text of a data set. One that is not UTF-8 is taken for Windows-1252, as editors on Windows wrote: a
 * letter with an accent does not end a whole task.
 *
 * @param maxBytes files above this are refused unread
 * @throws NuwaError when it cannot be read
 */
export function readPlainText(path: string, maxBytes: number): string {
  const bytes = readBytes(path, maxBytes);
  return new TextDecoder(isUtf8(bytes) ? "utf-8" : "windows-1252", { ignoreBOM: true }).decode(bytes);
}

/**
 * A record of a data set as JSON.
 *
 * @param where names it in errors
 * @param maxBytes of the largest such record; how many values it may hold follows from it, see `mostValues`
 * @throws NuwaError with `where` and the first field that is wrong
 */
export function parseData<T>(where: string, text: string, schema: ZodType<T>, maxBytes = 2 ** 22): T {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(text), mostValues(maxBytes));
  } catch (error) {
    throw new NuwaError(`${where}: is not JSON (${reasonOf(error)}).`);
  }
  return checkSchema(where, value, schema);
}
