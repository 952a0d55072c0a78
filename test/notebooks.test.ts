import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cellsOf, markedSource, outputsOf } from "../scripts/notebooks/cells.ts";
import { sourcesIn } from "../scripts/notebooks/ipynb.ts";

const folder = fileURLToPath(new URL("../notebooks/", import.meta.url));
const notebooks = readdirSync(folder).filter((name) => /^\d\d-.*\.ts$/.test(name));

describe("the notebooks", () => {
  it("are there", () => {
    expect(notebooks.length).toBeGreaterThan(1);
  });

  it.each(notebooks)("%s runs from top to bottom and frees its tensors", (name) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", `${folder}${name}`], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/tensors left: 0\n$/);
  });

  it.each(notebooks)("%s was run after its last change: npm run notebooks", (name) => {
    const made = `${folder}${name.replace(/\.ts$/, ".ipynb")}`;
    expect(existsSync(made)).toBe(true);
    expect(sourcesIn(readFileSync(made, "utf8"))).toEqual(cellsOf(readFileSync(`${folder}${name}`, "utf8")));
  });

  it.each(notebooks)("%s uses the public interface only", (name) => {
    const imported = [...readFileSync(`${folder}${name}`, "utf8").matchAll(/from "(\.[^"]+)"/g)].map(
      ([, path]) => path,
    );
    expect(imported.filter((path) => !/^\.\.\/src\/[a-z]+\.ts$/.test(path) && path !== "./picture.ts")).toEqual([]);
  });
});

describe("cutting a literate file", () => {
  const source =
    '/**\n * # Title\n *\n * Text.\n */\nconst a = 1;\n/** stays with the code */\nconsole.log(a);\n/**\n * More.\n */\nconsole.log("b");\n';
  const cells = cellsOf(source);

  it("block comments become text and what is between becomes code", () => {
    expect(cells).toEqual([
      { kind: "markdown", source: "# Title\n\nText." },
      { kind: "code", source: "const a = 1;\n/** stays with the code */\nconsole.log(a);" },
      { kind: "markdown", source: "More." },
      { kind: "code", source: 'console.log("b");' },
    ]);
  });

  it("each cell gets what it printed", () => {
    const { stdout } = spawnSync(process.execPath, ["-e", markedSource(cells)], { encoding: "utf8" });
    expect(outputsOf(cells, stdout)).toEqual(["", "1", "", "b"]);
  });
});
