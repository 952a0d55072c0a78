import fc from "fast-check";
import { readTsv } from "../../src/io/tsv.ts";
import { withDamage } from "./damage.ts";
import type { Case, Target } from "./target.ts";

const plain = fc.string({ unit: "binary", maxLength: 8 });
const cell = fc.oneof(plain, fc.string({ unit: fc.constantFrom(..."\t\r\n\"a '"), maxLength: 6 }));
const NEEDS_QUOTES = /["\t\r\n]/;

const whole = fc
  .tuple(
    fc.uniqueArray(cell, { minLength: 2, maxLength: 4 }),
    fc.array(fc.array(cell, { minLength: 4, maxLength: 4 }), { maxLength: 4 }),
    fc.constantFrom("\n", "\r\n"),
    fc.func(fc.boolean()),
    fc.boolean(),
  )
  .filter(([columns]) => !columns[0].startsWith("\ufeff"))
  .map(([columns, rows, end, quotes, ends]): Case => {
    const written = (text: string) =>
      NEEDS_QUOTES.test(text) || quotes(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const records = rows.map((row) => row.slice(0, columns.length));
    const text = [columns, ...records].map((row) => row.map(written).join("\t")).join(end);
    return {
      bytes: Buffer.from(text + (ends ? end : "")),
      wanted: records.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
    };
  });

/** Character by character, for a table that was taken. */
function decode(bytes: Buffer): Record<string, string>[] {
  const records: string[][] = [[""]];
  let inQuotes = false;
  let closed = true;
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  for (let i = 0; i < text.length; i++) {
    const record = records[records.length - 1];
    const last = record.length - 1;
    if (inQuotes && text[i] === '"' && text[i + 1] === '"') record[last] += text[i++];
    else if (inQuotes && text[i] === '"') inQuotes = false;
    else if (inQuotes) record[last] += text[i];
    else if (text[i] === '"' && closed) inQuotes = true;
    else if (text[i] === "\t") record.push("");
    else if (text[i] === "\n" || text[i] === "\r") records.push([""]);
    else record[last] += text[i];
    // A quote begins a quoted cell at its beginning alone.
    closed = !inQuotes && "\t\r\n".includes(text[i]);
  }
  const [columns, ...rows] = records.filter((record) => record.length > 1 || record[0] !== "");
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
}

/** Tables of tab-separated values. */
export const tables: Target = {
  name: "tables",
  cases: 200,
  inputs: withDamage(whole, ['""', '"\t"', "\r\n", "\t\t"]),
  read: (path) => readTsv(path, 2 ** 20),
  decode,
};
