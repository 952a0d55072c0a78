import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { withTable } from "../../scripts/methods-table.ts";
import { METHOD_NAMES } from "../../src/methods/registry.ts";

it("docs/method.md has the table that npm run docs:methods writes, with every method", async () => {
  const document = readFileSync(new URL("../../docs/method.md", import.meta.url), "utf8");
  expect(await withTable(document)).toBe(document);
  for (const name of METHOD_NAMES) expect(document).toContain(`| \`${name}\``);
});
