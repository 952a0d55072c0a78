import { NuwaError } from "../core/errors.ts";
import { shown } from "../core/schema.ts";
import { readText } from "./files.ts";
import { mostValues } from "./json.ts";

/** What a record takes in memory besides its cells, in values of 8 bytes. */
const RECORD = 8;

/**
 * Reads a table of tab-separated values whose first line names the columns. Cells in double quotes may hold
 * tabs, line breaks and, doubled, quotes, as pandas writes them.
 *
 * @param maxBytes files above this are refused unread; the number of cells follows from it, see `mostValues`
 * @returns one record a line, by column
 * @throws NuwaError naming the file and the line
 */
export function readTsv(path: string, maxBytes: number): Record<string, string>[] {
  const text = readText(path, maxBytes).replace(/^\ufeff/, "");
  const [columns, ...lines] = recordsOf(path, text, mostValues(maxBytes));
  if (!columns) throw new NuwaError(`${path}: is empty.`);
  const seen = new Set<string>();
  const twice = columns.find((column) => seen.size === seen.add(column).size);
  if (twice !== undefined) throw new NuwaError(`${path}: names the column ${shown(twice)} twice. Remove one.`);
  return lines.map((cells, i) => {
    if (cells.length !== columns.length)
      throw new NuwaError(`${path}: record ${i + 1} has ${cells.length} cells for ${columns.length} columns.`);
    return Object.fromEntries(columns.map((column, at) => [column, cells[at]]));
  });
}

/** What ends a cell without quotes. */
const BREAK = /[\t\r\n]/g;

/** The cells of each line that is not empty. No regular expression goes over a cell in quotes: it may be the file. */
function recordsOf(path: string, text: string, most: number): string[][] {
  const records: string[][] = [];
  let cells: string[] = [];
  let values = 0;
  for (let at = 0; at < text.length || cells.length > 0; ) {
    const quoted = text[at] === '"';
    const end = quoted ? endOfQuotes(text, at) : endOfPlain(text, at);
    if (quoted && (end === undefined || !"\t\r\n".includes(text[end] ?? "\n")))
      throw new NuwaError(`${path}: record ${records.length}: a quoted cell does not end.`);
    const [cell, stop] = [text.slice(at, end), end ?? text.length];
    cells.push(quoted ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    const endsRecord = text[stop] !== "\t";
    at = stop + (text.startsWith("\r\n", stop) ? 2 : 1);
    values += endsRecord ? 1 + RECORD : 1;
    if (values > most)
      throw new NuwaError(`${path}: holds more than ${most} cells, a record counts as ${RECORD}. ${TAKE}`);
    if (!endsRecord) continue;
    if (cells.length > 1 || cells[0] !== "") records.push(cells);
    cells = [];
  }
  return records;
}

const TAKE = "Take the file as its authors distribute it.";

/** Behind the quote that ends a cell; undefined where none does. */
function endOfQuotes(text: string, begin: number): number | undefined {
  let at = text.indexOf('"', begin + 1);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at < 0 ? undefined : at + 1;
}

function endOfPlain(text: string, begin: number): number {
  BREAK.lastIndex = begin;
  return BREAK.exec(text)?.index ?? text.length;
}
