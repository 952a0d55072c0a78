import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const document = readFileSync(new URL("../../docs/invariants.md", import.meta.url), "utf8");
const sourceOf = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");

/** The sentences of the laws that a file states, in order. */
function lawsOf(source: string): string[] {
  return [...source.matchAll(/\blaw\(\s*("(?:[^"\\]|\\.)*")/g)].map(([, literal]) => JSON.parse(literal));
}

/** Each section of the document: its link to a family's test file, and its bold sentences. */
const sections = document
  .split(/^## /m)
  .slice(1)
  .flatMap((text) => {
    const [, file] = text.match(/^Test: \[.*\]\(\.\.\/test\/properties\/([\w-]+\.test\.ts)\)/m) ?? [];
    return file ? [{ file, sentences: [...text.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, sentence]) => sentence) }] : [];
  });

const families = readdirSync(new URL(".", import.meta.url)).filter(
  (file) => file.endsWith(".test.ts") && lawsOf(sourceOf(file)).length > 0,
);

describe("docs/invariants.md", () => {
  it("has one section for each family of laws", () => {
    expect(sections.map(({ file }) => file).sort()).toEqual([...families].sort());
  });

  it.each(sections)("repeats the laws of $file, word for word and in order", ({ file, sentences }) => {
    expect(sentences).toEqual(lawsOf(sourceOf(file)));
  });

  it("names, for laws that are tested elsewhere, a test of that name in a file that exists", () => {
    const elsewhere = [...document.matchAll(/^- \*\*(.+?)\*\* \(\[.*?\]\(\.\.\/(test\/[^)]+)\)\)/gm)];
    expect(elsewhere.length).toBeGreaterThan(0);
    for (const [, name, file] of elsewhere) {
      const url = new URL(`../../${file}`, import.meta.url);
      expect(existsSync(url), file).toBe(true);
      expect(readFileSync(url, "utf8"), file).toContain(`"${name}"`);
    }
  });

  it("has the title and the picture of every finding", () => {
    const source = sourceOf("./findings.test.ts");
    const titles = [...source.matchAll(/describe\("(finding \d+: [^"]+)"/g)].map(([, title]) => title);
    const pictures = [...source.matchAll(/`\n([^`]+)`/g)].map(([, picture]) => picture);
    expect([titles.length, pictures.length]).toEqual([8, 9]);
    for (const title of titles) expect(document).toContain(`### F${title.slice(1)}\n`);
    for (const picture of pictures) expect(document).toContain(`\`\`\`\n${picture.replace(/ +$/gm, "")}\n\`\`\``);
  });
});
