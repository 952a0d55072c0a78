import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { deadLinks } from "../../scripts/site/dead-links.ts";
import { githubAnchor, siteLinks, sitePath } from "../../scripts/site/links.ts";
import { notebookPage } from "../../scripts/site/notebook-page.ts";
import { sectionsOf } from "../../scripts/site/shown-in.ts";
import { GROUPS, sidebarOf } from "../../scripts/site/sidebar.ts";
import { stagePages } from "../../scripts/site/stage.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nuwa-site-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A site of some files. */
function siteOf(files: Readonly<Record<string, string>>): string {
  const site = mkdtempSync(join(folder, "site-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(site, path)), { recursive: true });
    writeFileSync(join(site, path), text);
  }
  return site;
}

describe("links of the site", () => {
  const kinds: Readonly<Record<string, "page" | "picture" | "text" | "folder">> = {
    "README.md": "page",
    "docs/a.md": "page",
    "notebooks/n.ipynb": "page",
    "docs/images/p.png": "picture",
    "src/a.ts": "text",
    src: "folder",
  };
  const inDocs = (markdown: string) => siteLinks(markdown, "docs/b.md", { kindOf: (path) => kinds[path] });

  it.each([
    ["[a](a.md#part)", "[a](./a.md#part)"],
    ["[r](../README.md)", "[r](../index.md)"],
    ["[n](../notebooks/n.ipynb)", "[n](../notebooks/n.md)"],
    ["[c](../src/a.ts)", "[c](../src/a.ts.md)"],
    ["[f](../src/)", "[f](../src/index.md)"],
    ["![p](images/p.png)", "![p](./images/p.png)"],
    ["[w](https://example.org/a.md) [h](#here)", "[w](https://example.org/a.md) [h](#here)"],
    ["`[a](a.md)`", "`[a](a.md)`"],
    ["```\n[a](a.md)\n```", "```\n[a](a.md)\n```"],
    ["[x](missing.md)", "[x](missing.md)"],
  ])("%s becomes %s", (written, wanted) => expect(inDocs(written).markdown).toBe(wanted));

  it("say which files need a page", () => {
    expect(inDocs("[a](a.md) [c](../src/a.ts) ![p](images/p.png)").needed).toEqual(["src/a.ts", "docs/images/p.png"]);
  });

  it("have the anchors of GitHub", () => {
    expect(githubAnchor("What Nüwa reads in each: `k`, 2×2")).toBe("what-nüwa-reads-in-each-k-22");
    expect(sitePath("weights/shapes/README.md")).toBe("weights/shapes/index.md");
  });
});

describe("a notebook", () => {
  const cell = (output: object) =>
    JSON.stringify({
      cells: [
        { cell_type: "markdown", source: ["# T\n", "text"] },
        { cell_type: "code", source: "x;", outputs: [output] },
      ],
    });

  it("becomes text, code, output and pictures", () => {
    const printed = notebookPage("n", cell({ output_type: "stream", text: ["a\n", "```\n"] }));
    expect(printed.markdown).toBe("# T\ntext\n\n```ts\nx;\n```\n\n````text\na\n```\n````\n");
    const drawn = notebookPage("n", cell({ data: { "image/png": "AQI=", "text/plain": ["a [b]"] } }));
    expect(drawn.markdown).toContain("![a  b ](./n-1.png)");
    expect([...drawn.pictures]).toEqual([["n-1.png", Buffer.from([1, 2])]]);
  });

  it("with another kind of output is refused by name", () => {
    expect(() => notebookPage("n", cell({ data: { "text/html": "<b>" } }))).toThrow(
      /^n\.ipynb, cell 1: only text, PNG/,
    );
  });
});

describe("the sections of a document", () => {
  it("are found by the names in their code", () => {
    const markdown =
      "## A\n\nbest\n\n```ts\nrun(x.best);\n```\n\n## B\n\n```ts no-run\nrun(y);\n```\n\n```sh\nz\n```\n";
    const sections = sectionsOf(markdown);
    expect(sections.get("run")).toEqual(["A", "B"]);
    expect(sections.get("y")).toEqual(["B"]);
    expect(["best", "z"].flatMap((name) => sections.get(name) ?? [])).toEqual([]);
  });
});

describe("the pages", () => {
  it("are the documents, notebooks and linked files of the project, all in the side bar", () => {
    const documents = stagePages(PROJECT, join(folder, "pages"));
    const staged = readdirSync(join(folder, "pages"), { recursive: true, encoding: "utf8" });
    expect(staged).toEqual(expect.arrayContaining(["index.md", "docs/method.md", "src/pipeline/prefill.ts.md"]));
    expect(staged).toContain("public/docs/images/run.png");
    const listed = Object.values(GROUPS).flat();
    const unlisted = documents.filter((path) => !path.endsWith(".ipynb") && !listed.includes(path));
    expect(unlisted).toEqual(["notebooks/README.md"]);
    expect(listed.filter((path) => !documents.includes(path))).toEqual([]);
    const notebooks = sidebarOf(PROJECT, documents).find(({ text }) => text === "Notebooks");
    expect(notebooks?.items?.length).toBeGreaterThan(4);
  });
});

describe("a built site", () => {
  it("has no dead links where all lead somewhere", () => {
    const site = siteOf({
      "index.html": '<a href="/docs/a.html#x">a</a><a href="docs/">d</a><a href="https://example.org">w</a>',
      "docs/index.html": '<img src="/p.png"><a href="#own"><h1 id="own">o</h1>',
      "docs/a.html": '<h2 id="x">x</h2>',
      "p.png": "",
    });
    expect(deadLinks(site)).toEqual([]);
  });

  it.each([
    ['<a href="/b.html">b</a>', "index.html: /b.html: there is no such file"],
    ['<a href="#y">y</a>', "index.html: #y: there is no such heading"],
    ['<script src="https://example.org/a.js"></script>', "index.html: https://example.org/a.js: is loaded"],
    ['<img alt="a" src="https://example.org/a.png">', "index.html: https://example.org/a.png: is loaded"],
    ['<img srcset="https://example.org/a.png 2x">', "index.html: https://example.org/a.png 2x: is loaded"],
    ['<iframe src="//example.org/a"></iframe>', "index.html: //example.org/a: is loaded"],
    ['<source src="https://example.org/a.webm">', "index.html: https://example.org/a.webm: is loaded"],
    ['<video src="https://example.org/a.webm"></video>', "index.html: https://example.org/a.webm: is loaded"],
    ['<style>@import "https://example.org/a.css";</style>', "index.html: https://example.org/a.css: is loaded"],
    ['<link rel="stylesheet" href="//example.org/a.css">', "index.html: //example.org/a.css: is loaded"],
  ])("with %s is told of it", (html, problem) => {
    expect(deadLinks(siteOf({ "index.html": html }))).toEqual([expect.stringContaining(problem)]);
  });

  it("is told of what its styles load", () => {
    expect(deadLinks(siteOf({ "a.css": "@font-face { src: url(https://example.org/f.woff2) }" }))).toHaveLength(1);
  });
});
