import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { MEASURE_NAMES } from "../../src/cli/inspect/inspect-options.ts";
import type { Grid } from "../../src/core/grid.ts";
import { openSafetensors, readTensor } from "../../src/io/safetensors.ts";
import { fixturePath } from "../support.ts";
import { writeTinyFamily } from "../support-families.ts";
import { listing, nuwa, temporaryFolder, withoutProgress } from "./support.ts";

const pictureNamed = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
const [scene, coffee] = [pictureNamed("scene"), pictureNamed("coffee")];
const WHERE = "Where is the white triangle?";

/** A command that has to end well. */
async function run(...argv: string[]): Promise<string> {
  const { code, out, err } = await nuwa(...argv);
  expect({ code, err: withoutProgress(err) }).toEqual({ code: 0, err: "" });
  return out;
}
const jsonIn = (folder: string, name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));

describe("nuwa inspect", () => {
  it("writes numbers and a plot of each measure, behind a part of the answer", async () => {
    const out = join(temporaryFolder(), "inspect");
    const names = ["flow", "logit-lens", "blocking", "patching", "positions", "provenance"];
    const given = ["--method", "nuwa", "--after", "1", "--measure", names.join(","), "--out", out];
    const text = await run("inspect", scene, WHERE, ...given);
    expect(listing(out)).toEqual(names.flatMap((name) => ["json", "png", "svg"].map((end) => `${name}.${end}`)).sort());
    const [, first] = /^answer +\[ (\d\.\d\d) ,/m.exec(text) ?? [];
    // Behind the bracket that begins a box comes its first number.
    for (const name of ["logit-lens", "blocking", "patching"]) expect(jsonIn(out, name).found.nextToken).toBe(first);
    const flow: number[][][] = jsonIn(out, "flow").found.layersFromTo;
    for (const layer of flow) for (const row of layer) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
    const { positions, changeOfLogit } = jsonIn(out, "patching").found;
    expect(positions).toEqual(expect.arrayContaining(["all visual tokens", "triangle", "[ (last)"]));
    for (const effects of changeOfLogit) expect(effects).toHaveLength(positions.length);
    const { compressed, original } = jsonIn(out, "positions").found;
    expect(compressed.ids.map(([id]: number[]) => id - compressed.ids[0][0])).toEqual([...compressed.ids.keys()]);
    expect(original.answer).toBe(jsonIn(out, "positions").answer);
    expect(original.overlapWithUnpruned).toBeGreaterThan(0.5);
    const tokens: { cell: number; pillar: boolean; sources: object[] }[] = jsonIn(out, "provenance").found;
    expect(tokens).toHaveLength(28);
    for (const { cell, pillar, sources } of tokens) if (pillar) expect(sources).toEqual([{ grid: 0, cell, weight: 1 }]);
    expect(tokens.some(({ sources }) => sources.length > 1)).toBe(true);
    const { width } = await sharp(join(out, "flow.png")).metadata();
    expect(width).toBeGreaterThan(600);
  });

  it("reads tensors as nuwa forward does, and measures the same", async () => {
    const folder = temporaryFolder();
    const [inputs, dump] = ["inputs", "dump"].map((name) => join(folder, `${name}.safetensors`));
    await run("ask", scene, WHERE, "--method", "none", "--max-new-tokens", "1", "--dump-inputs", inputs);
    await run("inspect", "--inputs", inputs, "--measure", "entropy,norms,patching", "--dump", dump);
    await run("inspect", scene, WHERE, "--measure", "entropy", "--out", folder);
    const file = openSafetensors(dump);
    expect([...file.entries.keys()].sort()).toEqual(
      ["llm.entropy", "norms.overlap", "patching.layers", "patching.logits_last", "vision.entropy"].sort(),
    );
    const { visionBlocks } = jsonIn(folder, "entropy").found;
    expect(visionBlocks).toHaveLength(5);
    for (const [i, value] of readTensor(file, "vision.entropy").values.entries())
      expect(value).toBeCloseTo(visionBlocks[i], 4);
  });

  it("answers which patches, with which weights, are inside a token before a layer", async () => {
    const [one, all] = [temporaryFolder(), temporaryFolder()];
    const given = [scene, WHERE, "--method", "nuwa", "--measure", "flow,provenance"];
    await run("inspect", ...given, "--out", all);
    await run("inspect", ...given, "--token", "7", "--layer", "3", "--out", one);
    expect(listing(one)).toEqual(listing(all));
    expect(jsonIn(one, "flow").found).toEqual(jsonIn(all, "flow").found);
    expect(jsonIn(one, "provenance").found).toEqual([{ ...jsonIn(all, "provenance").found[7], beforeLayer: 3 }]);
    expect(readFileSync(join(one, "provenance.svg"), "utf8")).toContain("token 7 before layer 3");
    expect(readFileSync(join(all, "provenance.svg"), "utf8")).toContain("sum of weights over all tokens");
  });

  it("says what is wrong in one line and writes nothing", async () => {
    const out = join(temporaryFolder(), "none");
    const asked = [scene, WHERE, "--out", out];
    const pruned = [...asked, "--method", "nuwa", "--measure", "patching,provenance"];
    const inputs = fixturePath("square", "inputs.safetensors");
    const cases: [string[], RegExp][] = [
      [[...asked, "--measure", "flows"], /--measure "flows" does not exist\. There are: entropy, /],
      [[...asked, "--measure", "flow,flow"], /--measure names "flow" twice\./],
      [[...asked, "--measure", "cohesion"], /cohesion needs --box x1,y1,x2,y2/],
      [[...asked, "--measure", "cohesion", "--box", "0.5,0,0.2,1"], /x1 must be less than x2/],
      [[...asked, "--measure", "cohesion", "--box", "0,0,2,1"], /each from 0 to 1/],
      [[...asked, "--measure", "cohesion", "--box", "0,0,0.01,0.01"], /holds no patch's centre/],
      [[scene, "--measure", "flow", "--out", out], /the question is missing/],
      [["--measure", "flow", "--out", out], /image and question are missing/],
      [[scene, WHERE, "--measure", "flow"], /nothing would be written/],
      [[...asked, "--measure", "flow", "--inputs", inputs], /an image and --inputs are given/],
      [["--inputs", inputs, "--source", scene, "--measure", "patching", "--out", out], /--source goes with an image/],
      [["--inputs", inputs, "--after", "1", "--measure", "flow", "--out", out], /--after goes with an image/],
      [[...asked, "--measure", "flow", "--after", "99"], /the answer has \d+ tokens\. Give at most \d+/],
      [[...asked, "--measure", "flow", "--report", "x", "--dump", "x"], /--report and --dump name the same file/],
      [[...asked, "--measure", "flow", "--box", "0,0,1,1"], /--box is the object of --measure cohesion\. Add /],
      [[...asked, "--measure", "flow", "--source", scene], /--source is the picture of --measure patching\. Add /],
      [[...asked, "--measure", "flow", "--token", "7"], /--token is the one of --measure provenance\. Add /],
      [[...asked, "--measure", "provenance", "--layer", "2"], /--layer says where --token is looked at\. Add /],
      [[...asked, "--measure", "provenance", "--token", "7", "--layer", "8"], /--layer 8 does not exist; .* 0 to 7\./],
      [[...pruned, "--token", "7", "--layer", "7"], /token 7 is not there before layer 7: it enters layers 0 to 3\./],
      [[...pruned, "--token", "28"], /--token 28 --layer 0: token 28 does not exist; there are 0 to 27\./],
      [[...asked, "--measure", ","], /--measure "" does not exist/],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await nuwa("inspect", ...argv);
      expect(code).toBeGreaterThan(0);
      expect(err.trim().split("\n")).toHaveLength(1);
      expect(err).toMatch(message);
    }
    expect(existsSync(out)).toBe(false);
  });
});

describe.each(["llava_next", "qwen2_5_vl"] as const)("nuwa inspect of the family %s", (family) => {
  const model = join(temporaryFolder(), "model");
  beforeAll(() => writeTinyFamily(family, model));

  it("makes every measure, pruned", async () => {
    const out = join(temporaryFolder(), "out");
    const given = ["--model", model, "--method", "visionzip", "--average", "1/2", "--box", "0.1,0.1,0.9,0.9"];
    const all = ["--backend", "wasm", "--measure", MEASURE_NAMES.join(","), "--out", out];
    await run("inspect", coffee, "What is on the table?", ...given, ...all);
    expect(listing(out)).toHaveLength(3 * MEASURE_NAMES.length);
    // Random weights look nearly everywhere: at all patches of the tower, of which Qwen makes a cell out of four.
    const { largestOfOneGrid, visionBlocks } = jsonIn(out, "entropy").found;
    const widest = Math.max(...visionBlocks);
    expect(widest).toBeLessThanOrEqual(largestOfOneGrid);
    expect(widest).toBeGreaterThan(0.9 * largestOfOneGrid);
    const patches = jsonIn(out, "cohesion").found.map(({ grid }: { grid: Grid }) => grid.rows * grid.columns);
    expect(jsonIn(out, "norms").found.map(({ chance }: { chance: number }) => chance)).toEqual(
      patches.map((count: number) => Math.round(count / 20) / count),
    );
    const { positions } = jsonIn(out, "patching").found;
    const grids = family === "llava_next" ? ["base image, row 0", "local tiles, row 0"] : ["image, row 0"];
    expect(positions).toEqual(expect.arrayContaining(grids));
  });

  it("refuses another picture for patching that has other patches", async () => {
    const given = [
      "--measure",
      "patching",
      "--source",
      fixturePath("pictures", "tall.png"),
      "--out",
      temporaryFolder(),
    ];
    const { code, err } = await nuwa("inspect", coffee, "What?", "--model", model, ...given);
    expect(code).toBe(2);
    expect(err).toMatch(/--source .*tall\.png: has \d+×\d+.* patches, the image \d+×\d+.*\. Give one of its size\./);
  });
});
