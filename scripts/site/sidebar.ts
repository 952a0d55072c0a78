import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NuwaError } from "../../src/core/errors.ts";
import { sitePath } from "./links.ts";

/** An entry of the site's side bar, as VitePress reads it. */
export interface SidebarEntry {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly SidebarEntry[];
  readonly collapsed?: boolean;
}

/** What the side bar lists, in the order in which one would read it. Every document has to be in one group. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Start here": ["README.md", "docs/playing.md", "docs/guide.md", "docs/api.md", "docs/commands.md", "docs/python.md"],
  "The method": ["docs/paper-and-code.md", "docs/method.md", "docs/families.md", "docs/architecture.md"],
  "What it does": ["docs/results.md", "docs/invariants.md", "docs/benchmarks.md", "docs/performance.md"],
  "Look inside": ["docs/analyses.md", "docs/taps.md", "docs/gradients.md"],
  Extend: ["docs/write-a-method.md", "docs/add-a-family.md", "CONTRIBUTING.md"],
  "The world and its models": [
    ...["docs/world.md", "docs/training.md", "weights/shapes/README.md", "weights/no-places/README.md"],
    ...["weights/deep/README.md", "weights/qwen-shapes/README.md", "weights/untrained/README.md"],
  ],
  "Run it elsewhere": [
    ...[
      "docs/package.md",
      "docs/harness.md",
      "docs/real-checkpoints.md",
      "docs/native.md",
      "docs/bundle.md",
      "docs/bundle-cuda.md",
    ],
    "docs/backends.md",
  ],
  "About the project": [
    ...["docs/checks.md", "docs/fuzzing.md", "test/fixtures/README.md", "docs/images/README.md"],
    ...["CHANGELOG.md", "SECURITY.md"],
  ],
};

/** The entry points of the package as the API reference calls them, and what is imported. */
const ENTRIES: readonly (readonly [module: string, specifier: string])[] = [
  ["index", "nuwa"],
  ...["node", "analysis", "laws", "eval", "train", "world"].map((name) => [name, `nuwa/${name}`] as const),
];

/**
 * The side bar: groups of documents, the notebooks, the entry points of the API.
 *
 * @param documents paths of all documents and notebooks in the project
 */
export function sidebarOf(project: string, documents: readonly string[]): SidebarEntry[] {
  const entry = (path: string) => ({ text: titleOf(join(project, path)), link: linkTo(path) });
  const groups = Object.entries(GROUPS).map(([text, paths]) => ({
    text,
    collapsed: false,
    items: paths.map(entry),
  }));
  const notebooks = documents.filter((path) => path.endsWith(".ipynb")).sort();
  const notebookGroup = {
    text: "Notebooks",
    collapsed: false,
    items: ["notebooks/README.md", ...notebooks].map(entry),
  };
  const api = {
    text: "API reference",
    collapsed: false,
    items: ENTRIES.map(([module, text]) => ({ text, link: `/api/${module}/` })),
  };
  return [...groups.slice(0, 4), notebookGroup, api, ...groups.slice(4)];
}

/** What a document or notebook is called: its first heading. @throws NuwaError when it has none */
function titleOf(file: string): string {
  const text = readFileSync(file, "utf8");
  const markdown = file.endsWith(".ipynb") ? firstTextOf(text) : text;
  const [, title] = /^# (.+)$/m.exec(markdown) ?? [];
  if (title === undefined) throw new NuwaError(`${file} has no heading of the first level. Begin it with one.`);
  return title;
}

function firstTextOf(notebook: string): string {
  const { cells } = JSON.parse(notebook) as { cells: { cell_type: string; source: string | string[] }[] };
  return [cells.find(({ cell_type }) => cell_type === "markdown")?.source ?? ""].flat().join("");
}

const linkTo = (path: string) => `/${sitePath(path).replace(/(index)?\.md$/, "")}`;
