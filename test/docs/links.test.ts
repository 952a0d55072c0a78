import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS = [
  "",
  "docs",
  "docs/images",
  "notebooks",
  "test/fixtures",
  "weights/shapes",
  "weights/no-places",
  "weights/deep",
  "weights/qwen-shapes",
  "weights/untrained",
];
const documents = FOLDERS.flatMap((folder) =>
  readdirSync(join(PROJECT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);
/** A document without its blocks of code. */
const textOf = (path: string) =>
  readFileSync(join(PROJECT, path), "utf8").replace(/^( *)(```+)[^\n]*\n[\s\S]*?^\1\2$/gm, "");

/** Markdown without brackets in code, which are no links. */
function proseOf(path: string): string {
  return textOf(path).replace(/(`+)[^`\n]+\1/g, (code) => code.replace(/[[\]()]/g, ""));
}

/** Where links and images of a document lead, as they are written. */
function targetsOf(path: string): string[] {
  const prose = proseOf(path);
  const inline = [...prose.matchAll(/\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?: "[^"]*")?\)/g)];
  const named = [...prose.matchAll(/^\[[^\]]+\]: (\S+)/gm)];
  const html = [...prose.matchAll(/(?:src|href)="([^"]+)"/g)];
  return [...inline, ...named, ...html].map(([, target]) => target);
}

/** The anchors of the headings of a document, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of textOf(path).matchAll(/^#+ (.+)$/gm)) {
    const plain = heading.replace(/\]\([^)]*\)/g, "").toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M} _-]/gu, "").replace(/ /g, "-");
    let [own, again] = [anchor, 0];
    while (anchors.has(own)) own = `${anchor}-${++again}`;
    anchors.add(own);
  }
  return anchors;
}

/** Why a target is not there; undefined where it is, or lies on the web. */
function problemWith(document: string, target: string): string | undefined {
  if (/^(https?:|mailto:)/.test(target)) return undefined;
  const [path, anchor] = decodeURIComponent(target).split("#");
  const file = path === "" ? document : relative(PROJECT, join(PROJECT, dirname(document), path));
  if (file.startsWith("..")) return `${document}: ${target} leads out of the project`;
  if (!existsSync(join(PROJECT, file))) return `${document}: ${target}: there is no ${file}`;
  if (anchor === undefined) return undefined;
  if (!file.endsWith(".md")) return `${document}: ${target}: only a document has headings`;
  return anchorsOf(file).has(anchor) ? undefined : `${document}: ${target}: ${file} has no such heading`;
}

describe("the documents", () => {
  it("are found, and their links", () => {
    expect(documents).toEqual(expect.arrayContaining(["README.md", "CHANGELOG.md", "docs/families.md"]));
    expect(documents.flatMap(targetsOf).length).toBeGreaterThan(100);
    expect(targetsOf("docs/families.md")).toContain("images/families-llava.svg");
    expect(anchorsOf("docs/families.md")).toContain("what-nüwa-reads-in-each");
  });

  it.each(documents)("%s links only to files and headings that exist", (document) => {
    expect(targetsOf(document).flatMap((target) => problemWith(document, target) ?? [])).toEqual([]);
  });

  it("would be told of a link that leads nowhere", () => {
    expect(problemWith("docs/method.md", "nothing.md")).toMatch(/there is no docs\/nothing\.md$/);
    expect(problemWith("docs/method.md", "families.md#nothing")).toMatch(/docs\/families\.md has no such heading$/);
    expect(problemWith("docs/method.md", "#the-peers")).toBeUndefined();
    expect(problemWith("docs/method.md", "../src/node.ts#L1")).toMatch(/only a document has headings$/);
    expect(problemWith("README.md", "../elsewhere.md")).toMatch(/leads out of the project$/);
  });
});
