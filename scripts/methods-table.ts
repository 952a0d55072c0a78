/**
 * Writes the table of methods into docs/method.md from what the methods' files say of themselves; a test compares them.
 *
 * usage: npm run docs:methods
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { writeAtomically } from "../src/io/files.ts";
import { defaultAverage, type MethodDefinition } from "../src/methods/method.ts";
import { createMethod, METHODS } from "../src/methods/registry.ts";
import { FAMILIES } from "../src/model/families.ts";
import { rasterShape } from "../src/model/image-shape.ts";
import { fill } from "./fill.ts";

const DOCUMENT = fileURLToPath(new URL("../docs/method.md", import.meta.url));

/** The document with the table as it should be. */
export async function withTable(document: string): Promise<string> {
  const rows = METHODS.map((method) => {
    const average = method.keepsEverything ? "–" : defaultAverage(method);
    return `| \`${method.name}\` | ${method.summary} | ${method.positions} | ${average} | ${runsOn(method)} |`;
  });
  const table = [
    "| method | what stays | position ids | average unless asked | runs on |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ];
  const filled = fill("docs/method.md", document, { methods: `\n${table.join("\n")}\n\n` });
  return format(filled, { parser: "markdown", printWidth: 120, proseWrap: "always" });
}

/** The families whose models offer what a method needs. */
function runsOn(method: MethodDefinition): string {
  const lacking = FAMILIES.map(({ name, capabilities }) => {
    const facts = { layers: 32, visionBlocks: 24, featureBlocks: 23, capabilities };
    const shape = rasterShape({ rows: 24, columns: 24 }, 0);
    const { needs = [] } = createMethod(method, { family: name, facts, imageShape: shape });
    return { name, needs: needs.filter((need) => !capabilities.includes(need)) };
  });
  if (lacking.every(({ needs }) => needs.length === 0)) return "every family";
  const missing = [...new Set(lacking.flatMap(({ needs }) => needs))];
  const names = lacking.filter(({ needs }) => needs.length === 0).map(({ name }) => `\`${name}\``);
  return `${names.join(", ")} (needs ${missing.join(", ")})`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeAtomically(DOCUMENT, await withTable(readFileSync(DOCUMENT, "utf8")));
