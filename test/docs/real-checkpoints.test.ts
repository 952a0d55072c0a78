import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/main.ts";
import { loadMethodFile } from "../../src/io/method-file.ts";
import type { PruningSize } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { readConstants, variantConstants } from "../../src/train/tune/tuned-constants.ts";
import { temporaryFolder } from "../cli/support.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(PROJECT, "docs/real-checkpoints.md"), "utf8");
const shell = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block).join("\n");
const commands = shell
  .replaceAll("\\\n", " ")
  .split("\n")
  .flatMap((line) => /^ *npx --no-install nuwa ([^#|>]*)/.exec(line.replace(/\$\(.*\)/, "mine.ts"))?.[1].trim() ?? []);
const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);

/** What a method sees of LLaVA-1.5-7B. */
const SIZE: PruningSize = {
  ...{ family: "llava", grids: [{ rows: 24, columns: 24 }], tiles: [1], total: 576 },
  ...{ layers: 32, visionBlocks: 24, featureBlocks: 23, capabilities: [] },
};

describe("docs/real-checkpoints.md", () => {
  it("has a command for every table", () => {
    expect(commands.filter((command) => command.startsWith("eval")).length).toBeGreaterThanOrEqual(7);
  });

  it.each(commands)("nuwa %s: its options are there", (command) => {
    const [name, ...words] = wordsOf(command);
    const found = createProgram().commands.find((one) => one.name() === name);
    const own = found?.commands.find((one) => one.name() === words[0]);
    const { unknown } = (own ?? found ?? expect.fail(command)).parseOptions(own ? words.slice(1) : words);
    expect(unknown).toEqual([]);
  });

  it("has a file of constants that changes the threshold alone", () => {
    const [, format] = /printf '([^']*)'/.exec(shell) as RegExpExecArray;
    const path = join(temporaryFolder(), "constants.json");
    writeFileSync(path, format.replace("%s", "0.5"));
    const { family, variant, constants } = readConstants(path);
    expect(constants).toEqual({ ...variantConstants(variant, family), distanceFraction: 0.5 });
  });

  it.each(["true, true, false", "false, false, true"])("has a method for the row %s of table 8", async (row) => {
    const [, source] = /<<'END'\n([\s\S]*?)^END$/m.exec(shell) as RegExpExecArray;
    const index = pathToFileURL(join(PROJECT, "src/index.ts")).href;
    const path = join(temporaryFolder(), "row.ts");
    writeFileSync(path, source.replace("REGIONS, PILLARS, RANDOM", row).replace("../../src/index.ts", index));
    const found = await loadMethodFile(path);
    const [asked, nuwa] = [{ average: { ratio: 2 / 9 } }, methodNamed("nuwa")];
    expect(found.budget(asked.average, SIZE)).toMatchObject({ stage1: 224, stage2: 32 });
    const [made, released] = [found, nuwa].map((definition) => definition.create(asked, SIZE));
    expect([...made.cuts.keys()]).toEqual([...released.cuts.keys()]);
    expect(made.needs).toEqual(released.needs);
  });
});
