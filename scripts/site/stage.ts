import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { siteLinks, sitePath, type Targets } from "./links.ts";
import { fenced, notebookPage } from "./notebook-page.ts";

/** Folders whose documents and notebooks are pages. */
export const FOLDERS = ["", "docs", "docs/images", "notebooks", "test/fixtures"];
/** Folders of which every folder that has a README.md is one. */
const GROUPS = ["weights"];
const PICTURES = [".png", ".svg", ".jpg"];
/** How files are coloured, by their ending, where it is not the name of the language. */
const LANGUAGES: Readonly<Record<string, string>> = {
  cff: "yaml",
  ipynb: "json",
  yml: "yaml",
  sbatch: "sh",
  "": "text",
};

/**
 * Puts the pages of the site into a folder, in the places that they have in the project: documents as they are but for
 * their links, notebooks with outputs and pictures, and the text of every file that is linked to.
 *
 * @param project folder of the project
 * @param target folder of the pages, made anew
 * @returns the documents and notebooks, by their paths in the project
 */
export function stagePages(project: string, target: string): string[] {
  rmSync(target, { recursive: true, force: true });
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    writeFileSync(join(target, path), content);
  };
  const documents = documentsOf(project);
  const targets: Targets = { kindOf: (path) => (documents.includes(path) ? "page" : kindOf(join(project, path))) };
  const needed = new Set<string>();
  const writePage = (path: string, markdown: string) => {
    const linked = siteLinks(markdown, path, targets);
    write(sitePath(path), linked.markdown);
    for (const place of linked.needed) needed.add(place);
  };
  for (const path of documents) {
    const text = readFileSync(join(project, path), "utf8");
    if (path.endsWith(".md")) writePage(path, text);
    else {
      const { markdown, pictures } = notebookPage(posix.basename(path, ".ipynb"), text);
      for (const [file, bytes] of pictures) write(posix.join(posix.dirname(path), file), bytes);
      writePage(path, markdown);
    }
  }
  for (const place of needed) {
    const file = join(project, place);
    const kind = targets.kindOf(place);
    if (kind === "picture") {
      // Beside the page, where it is shown, and as a file of the site, where it is linked to.
      for (const path of [place, `public/${place}`]) write(path, readFileSync(file));
    } else if (kind === "folder") write(`${place}/index.md`, folderPage(place, readdirSync(file)));
    else write(`${place}.md`, textPage(place, readFileSync(file, "utf8")));
  }
  return documents;
}

/** Documents and notebooks of the project that are pages. */
function documentsOf(project: string): string[] {
  const grouped = GROUPS.flatMap((group) => readdirSync(join(project, group)).map((name) => `${group}/${name}`));
  return [...FOLDERS, ...grouped].flatMap((folder) =>
    readdirSync(join(project, folder))
      .filter((name) => /^[^.].*\.(md|ipynb)$/.test(name))
      .map((name) => posix.join(folder, name)),
  );
}

function kindOf(file: string): ReturnType<Targets["kindOf"]> {
  if (!existsSync(file)) return undefined;
  if (statSync(file).isDirectory()) return "folder";
  return PICTURES.includes(extname(file)) ? "picture" : "text";
}

/** A page that is left out of the search: code is found through the API reference. */
const unsearched = (title: string, body: string) => `---\nsearch: false\n---\n\n# ${title}\n\n${body}\n`;

function textPage(path: string, text: string): string {
  const ending = extname(path).slice(1);
  return unsearched(`\`${path}\``, fenced(LANGUAGES[ending] ?? ending, text));
}

function folderPage(path: string, names: readonly string[]): string {
  return unsearched(`\`${path}\``, names.map((name) => `- \`${name}\``).join("\n"));
}
