import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { cellsOf, forJupyter, markedSource, outputsOf } from "../scripts/notebooks/cells.ts";
import { pictureDifference, textDifference } from "../scripts/notebooks/compare.ts";
import { ipynb, printedIn, sourcesIn } from "../scripts/notebooks/ipynb.ts";
import { FOLDER, notebookNames } from "../scripts/notebooks/run.ts";

const names = notebookNames();
const bytesOf = (path: string) => readFileSync(join(FOLDER, path));

describe("the notebooks", () => {
  it("are numbered from 1 on, and each has its solutions", () => {
    expect(names.map((name) => Number(name.slice(0, 2)))).toEqual(names.map((_, i) => i + 1));
    expect(names.length).toBeGreaterThan(6);
    for (const name of names) expect([name, existsSync(join(FOLDER, `solutions/${name}.ts`))]).toEqual([name, true]);
  });

  it.each(names.flatMap((name) => [name, `solutions/${name}`]))("%s uses the public interface only", (name) => {
    const imported = [
      ...bytesOf(`${name}.ts`)
        .toString()
        .matchAll(/from "(\.[^"]+)"/g),
    ].map(([, path]) => path);
    const others = imported.filter((path) => !/^(\.\.\/)+src\/[a-z]+\.ts$/.test(path) && !/\/picture\.mjs$/.test(path));
    expect(others).toEqual([]);
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

  it("Jupyter imports the built package", () => {
    const code = (source: string) => forJupyter([{ kind: "code", source }])[0].source;
    expect(code('import { run } from "../src/node.ts";')).toBe('import { run } from "../dist/node";');
    expect(code('import { run } from "../../src/node.ts";')).toBe('import { run } from "../../dist/node";');
  });

  it("what is printed comes back from the notebook file, pictures among it", () => {
    const printed = ["", "1\n![a picture](pictures/a.png)\n2", "", "![last](pictures/b.png)"];
    const text = ipynb(cells, printed, () => Buffer.from("png"));
    expect(sourcesIn(text)).toEqual(cells);
    expect(printedIn(text)).toEqual(printed);
  });
});

describe("comparing with what is committed", () => {
  it.each([
    ["IoU 0.68 of 12", "IoU 0.69 of 12"],
    ["-0.5", "-0.4"],
    ["a\nb", "a\nb\n"],
  ])("%j is %j but for rounding", (a, b) => {
    expect(textDifference(a, b)).toBeUndefined();
  });

  it.each([
    ["IoU 0.68", "IoU 0.70"],
    ["12 of 13", "11 of 13"],
    ["blue", "green"],
    ["0.5", "-0.5"],
    ["0.5", "0.50"],
    ["a", "a\nb"],
  ])("%j is not %j", (a, b) => {
    expect(textDifference(a, b)).toContain("was");
  });

  const drawn = (left: number) =>
    sharp(
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240"><rect width="240" height="240" fill="#999"/>
        <rect x="${left}" y="60" width="60" height="60" fill="none" stroke="#e4007c" stroke-width="3"/></svg>`,
      ),
    )
      .png()
      .toBuffer();

  it("a picture in which a box has moved is another one", async () => {
    const [one, near, far] = await Promise.all([drawn(40), drawn(40.3), drawn(60)]);
    expect(await pictureDifference(one, near)).toBeUndefined();
    expect(await pictureDifference(one, far)).toContain("differs");
    const smaller = await sharp(one).resize(120, 120).png().toBuffer();
    expect(await pictureDifference(one, smaller)).toBe("was 240×240 pixels, is now 120×120");
  });
});
