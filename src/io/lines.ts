import type { ZodType } from "zod";
import { NuwaError } from "../core/errors.ts";
import { checkSchema } from "../core/schema.ts";
import { reasonOf } from "./files.ts";
import { mostValues, parseJson } from "./json.ts";

/** A line of such a file is a question or an answer. */
const LONGEST_LINE = 2 ** 22;

/**
 * The values in a file of JSON lines, one by one, and the place of each in words. A line of nothing but spaces is
 * wrong.
 *
 * @param bytes of the file
 * @param remedy said where a line is wrong
 * @throws NuwaError naming the file and the line
 */
export function* jsonLines<T>(path: string, bytes: Buffer, schema: ZodType<T>, remedy: string): Generator<[T, string]> {
  let number = 0;
  for (let begin = 0; begin < bytes.length; ) {
    const newline = bytes.indexOf(10, begin);
    const end = newline < 0 ? bytes.length : newline;
    const where = `${path}: line ${++number}`;
    const line = bytes.subarray(begin, end);
    begin = end + 1;
    if (line.length > LONGEST_LINE) throw new NuwaError(`${where}: has ${line.length} bytes, too many. ${remedy}`);
    yield [checkSchema(where, parsed(where, line, remedy), schema, remedy), where];
  }
}

function parsed(where: string, line: Uint8Array, remedy: string): unknown {
  try {
    return parseJson(line, mostValues(LONGEST_LINE));
  } catch (error) {
    throw new NuwaError(`${where}: is not JSON (${reasonOf(error)}). ${remedy}`);
  }
}
