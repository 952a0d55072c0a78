import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readTsv } from "../../src/io/tsv.ts";
import { temporaryFolder } from "../cli/support.ts";

const path = join(temporaryFolder(), "table.tsv");
const read = (text: string) => {
  writeFileSync(path, text);
  return readTsv(path, 1000);
};

it("cells may hold tabs, line breaks and quotes in quotes; empty cells and lines end either way", () => {
  expect(read('a\tb\tc\r\n1\t"two\tand\n""three"""\t\n\n4\t5\t6')).toEqual([
    { a: "1", b: 'two\tand\n"three"', c: "" },
    { a: "4", b: "5", c: "6" },
  ]);
  expect(read("a\tb\n1\t")).toEqual([{ a: "1", b: "" }]);
});

it("holds so many cells, of which a record has eight more", () => {
  // A file of this limit may hold 65536 of them.
  const most = 2 ** 16 / (8 + 1);
  const records = (count: number) => `a${"\n1".repeat(count)}`;
  writeFileSync(path, records(Math.floor(most) - 1));
  expect(readTsv(path, 2 ** 16)).toHaveLength(Math.floor(most) - 1);
  writeFileSync(path, records(Math.floor(most)));
  expect(() => readTsv(path, 2 ** 16)).toThrow(/table\.tsv: holds more than 65536 cells, a record counts as 8\./);
});

it.each([
  ["a\tb\n1\n", /table\.tsv: record 1 has 1 cells for 2 columns/],
  ['a\tb\n1\t"two\n', /record 1: a quoted cell does not end/],
  ["", /is empty/],
])("%j is refused", (text, message) => {
  expect(() => read(text)).toThrow(message);
});
