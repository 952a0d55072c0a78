/**
 * Draws the pictures of docs/families.md and writes its tables, from what the families' own code makes of a
 * photograph; a test compares them.
 *
 * usage: npm run docs:families
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { writeAtomically } from "../src/io/files.ts";
import { drawFaults } from "./families/faults.ts";
import { drawLlava } from "./families/llava.ts";
import { drawNext } from "./families/next.ts";
import { type AllSeen, seeAll } from "./families/photograph.ts";
import { drawQwen } from "./families/qwen.ts";
import { tablesOf } from "./families/tables.ts";
import { fill } from "./fill.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/families.md", import.meta.url));

/** Each drawing by its path from docs/. */
export const DRAWINGS: Readonly<Record<string, (seen: AllSeen) => Promise<string>>> = {
  "images/families-llava.svg": drawLlava,
  "images/families-llava-next.svg": drawNext,
  "images/families-qwen.svg": drawQwen,
  "images/families-faults.svg": drawFaults,
};

/** The document with the tables as they should be. */
export async function withFamilyTables(document: string, seen: AllSeen): Promise<string> {
  const filled = fill("docs/families.md", document, tablesOf(seen));
  return format(filled, { parser: "markdown", printWidth: 120, proseWrap: "always" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const seen = await seeAll();
  for (const [path, draw] of Object.entries(DRAWINGS))
    writeAtomically(fileURLToPath(new URL(`../docs/${path}`, import.meta.url)), await draw(seen));
  writeAtomically(DOCUMENT, await withFamilyTables(readFileSync(DOCUMENT, "utf8"), seen));
}
