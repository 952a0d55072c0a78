import { NuwaError } from "../core/errors.ts";
import { readText } from "./files.ts";

/**
 * Reads a table of tab-separated values whose first line names the columns. Cells in double quotes may hold
 * tabs, line breaks and, doubled, quotes, as pandas writes them.
 *
 * @param maxBytes files above this are refused unread
 * @returns one record a line, by column
 * @throws NuwaError naming the file and the line
 */
export function readTsv(path: string, maxBytes: number): Record<string, string>[] {
  const [columns, ...lines] = cellsOf(path, readText(path, maxBytes).replace(/^\ufeff/, ""));
  if (!columns) throw new NuwaError(`${path}: is empty.`);
  return lines.map((cells, i) => {
    if (cells.length !== columns.length)
      throw new NuwaError(`${path}: record ${i + 1} has ${cells.length} cells for ${columns.length} columns.`);
    return Object.fromEntries(columns.map((column, at) => [column, cells[at]]));
  });
}

/** One cell, and the tab, line break or end behind it. */
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^\t\r\n"][^\t\r\n]*)?)(\t|\r?\n|$)/y;

function cellsOf(path: string, text: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  CELL.lastIndex = 0;
  while (CELL.lastIndex < text.length || cells.length > 0) {
    const found = CELL.exec(text);
    if (!found) throw new NuwaError(`${path}: record ${lines.length}: a quoted cell does not end.`);
    const [, inQuotes, plain, end] = found;
    cells.push(inQuotes === undefined ? (plain ?? "") : inQuotes.replaceAll('""', '"'));
    if (end === "\t") continue;
    if (cells.length > 1 || cells[0] !== "") lines.push(cells);
    cells = [];
    if (end === "") break;
  }
  return lines;
}
