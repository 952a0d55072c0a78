import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { whoKeepsWhichLaw } from "../properties/table.ts";

const document = readFileSync(new URL("../../docs/invariants.md", import.meta.url), "utf8");

beforeAll(async () => {
  await useBackend("wasm");
});

/** The cells of a Markdown table; how wide they are drawn is the formatter's business. */
const cellsIn = (table: string) =>
  table
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim().replace(/^-+$/, "---")));

it("docs/invariants.md has the table of who keeps which law as the laws themselves find it", () => {
  const [table] = document.match(/^\| law +\|.*\n(\|.*\n)*/m) ?? [];
  expect(cellsIn(whoKeepsWhichLaw())).toEqual(cellsIn(table ?? ""));
});
