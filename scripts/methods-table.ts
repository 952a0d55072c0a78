/**
 * Writes the table of methods into docs/method.md from what the methods' files say of themselves; a test compares them.
 *
 * usage: npm run docs:methods
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { writeAtomically } from "../src/io/files.ts";
import { defaultAverage } from "../src/methods/method.ts";
import { METHODS } from "../src/methods/registry.ts";
import { fill } from "./fill.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/method.md", import.meta.url));

/** The document with the table as it should be. */
export async function withTable(document: string): Promise<string> {
  const rows = METHODS.map((method) => {
    const average = method.keepsEverything ? "–" : defaultAverage(method);
    return `| \`${method.name}\` | ${method.summary} | ${method.positions} | ${average} |`;
  });
  const table = ["| method | what stays | position ids | average unless asked |", "| --- | --- | --- | --- |", ...rows];
  const filled = fill("docs/method.md", document, { methods: `\n${table.join("\n")}\n\n` });
  return format(filled, { parser: "markdown", printWidth: 120, proseWrap: "always" });
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeAtomically(DOCUMENT, await withTable(readFileSync(DOCUMENT, "utf8")));
