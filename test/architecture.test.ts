import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** The folders of docs/architecture.md, in its order: a folder may import those before it. */
const FOLDERS = readFileSync(new URL("../docs/architecture.md", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => /^\| `/.test(line))
  .map((line) => line.split("|")[1].replace(/[`/\s]/g, ""));

/** Folders that run in a browser, too. */
const BROWSER_SAFE = ["core", "model", "methods", "pipeline", "analysis", "laws"];

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const textOf = (file: string) => readFileSync(join(SOURCE, file), "utf8");
const importsOf = (file: string) =>
  [...textOf(file).matchAll(/from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)].map((match) =>
    relative(SOURCE, join(SOURCE, dirname(file), match[1] ?? match[2])),
  );
/** The folder that a file lies in; undefined for the entry points beside the folders. */
const folderOf = (file: string) => (file.includes("/") ? file.split("/")[0] : undefined);
const inFolders = files.filter((file) => folderOf(file) !== undefined);
const rankOf = (file: string) => FOLDERS.indexOf(folderOf(file) as string);

/** Lines of the files of some folders that match. */
function linesMatching(folders: readonly string[], pattern: RegExp): string[] {
  return inFolders
    .filter((file) => folders.includes(folderOf(file) as string))
    .flatMap((file) =>
      textOf(file)
        .split("\n")
        .filter((line) => pattern.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
}

describe("the sources", () => {
  it("lie in the folders that docs/architecture.md lists", () => {
    expect(FOLDERS.length).toBeGreaterThan(10);
    expect(inFolders.filter((file) => rankOf(file) < 0)).toEqual([]);
  });

  it("import only from their own folder and those listed before it", () => {
    const upward = inFolders.flatMap((file) =>
      importsOf(file)
        .filter((other) => folderOf(other) === undefined || rankOf(other) > rankOf(file))
        .map((other) => `${file} → ${other}`),
    );
    expect(upward).toEqual([]);
  });

  it("have no circular imports", () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (path.includes(file) || done.has(file)) return;
      for (const other of importsOf(file)) visit(other, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("use neither Node nor sharp in the folders that run in a browser", () => {
    expect(linesMatching(BROWSER_SAFE, /from "(node:|sharp|commander|linkedom)|\bprocess\.|\brequire\(/)).toEqual([]);
  });

  it("know no family of models outside its folder: a model is what vlm.ts says, a checkpoint what family.ts says", () => {
    const folders = ["methods", "pipeline", "analysis", "io", "eval", "view", "cli"];
    expect(linesMatching(folders, /CLIP_|model\/llava\/|\.vision\b/)).toEqual([]);
    // The list of families, the tiny models of the laws, and the training of the shipped model make LLaVA models.
    const importers = inFolders.filter((file) => importsOf(file).some((other) => /^model\/llava\//.test(other)));
    expect(
      importers.filter(
        (file) => !/^(model\/(llava\/|llava-next\/|qwen2_5-vl\/|families)|laws\/|train\/shapes\/)/.test(file),
      ),
    ).toEqual([]);
  });

  it("let the training engine know no recipe: shapes and tune build on it", () => {
    const other = files
      .filter((file) => file.startsWith("train/engine/"))
      .flatMap((file) => importsOf(file).map((imported) => [file, imported] as const))
      .filter(([, imported]) => imported.startsWith("train/") && !imported.startsWith("train/engine/"))
      .map(([file, imported]) => `${file} → ${imported}`);
    expect(other).toEqual([]);
  });

  it("count no operations in methods, model and pipeline: cost is measured where kernels run", () => {
    expect(linesMatching(["methods", "model", "pipeline"], /\bproducts\b|\bProducts\b|flops|runKernel/i)).toEqual([]);
  });

  it("have at most about 250 lines each", () => {
    const long = files
      .map((file) => [file, textOf(file).split("\n").length] as const)
      .filter(([, lines]) => lines > 260);
    expect(long).toEqual([]);
  });
});
