import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { githubAnchor } from "./links.ts";

/**
 * In which sections of a document each name stands in a block of TypeScript, not as the property of something.
 *
 * @returns headings by name, each once, in their order
 */
export function sectionsOf(markdown: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const [, heading, body] of markdown.matchAll(/^## (.+)\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)) {
    for (const [, code] of body.matchAll(/^```ts.*\n([\s\S]*?)^```$/gm)) {
      for (const [name] of code.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)) {
        const headings = sections.get(name) ?? [];
        if (!headings.includes(heading)) sections.set(name, [...headings, heading]);
      }
    }
  }
  return sections;
}

/** Adds to every page of the API reference where docs/api.md shows what it is about. @param pages their folder */
export function addExamples(pages: string): void {
  const sections = sectionsOf(readFileSync(join(pages, "docs/api.md"), "utf8"));
  for (const file of readdirSync(join(pages, "api"), { recursive: true, encoding: "utf8" })) {
    const headings = file.endsWith(".md") ? sections.get(basename(file, ".md")) : undefined;
    if (!headings) continue;
    const links = headings.map((heading) => `[${heading}](/docs/api.md#${githubAnchor(heading)})`);
    appendFileSync(join(pages, "api", file), `\n## Shown in\n\nThe interface by example: ${links.join(", ")}.\n`);
  }
}
