import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { listing, nuwa, temporaryFolder } from "./support.ts";

const SCENE = fileURLToPath(new URL("../../docs/images/scene.png", import.meta.url));
const ASKED = [SCENE, "Where is the white triangle?", "--backend", "wasm"];

describe("nuwa compare", () => {
  it("asks under each method and without pruning, prints a table, draws and records it", async () => {
    const out = join(temporaryFolder(), "run");
    const { code, out: text, err } = await nuwa("compare", ...ASKED, "--methods", "nuwa,pooling", "--out", out);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(text).toMatch(/^method +tokens +average/m);
    expect(text).toMatch(/^none +144 → 144 /m);
    expect(text).toMatch(/^nuwa +28 → 4 +16 .*the box (held|moved)/m);
    expect(text).toMatch(/^per layer +pooling: (16 ){7}16$/m);
    expect(listing(out)).toEqual(["compare.json", "compare.png", "compare.svg"]);
    const record = JSON.parse(readFileSync(join(out, "compare.json"), "utf8"));
    expect(record.visualTokens).toBe(144);
    expect(record.unpruned.visualTokensPerLayer).toEqual(Array(8).fill(144));
    expect(record.methods.map(({ method, average }: Record<string, string>) => [method, average])).toEqual([
      ["nuwa", "1/9"],
      ["pooling", "1/9"],
    ]);
    expect(readFileSync(join(out, "compare.svg"), "utf8")).toContain("Where is the white triangle?");
  });

  it("takes several images, a reading for the methods that have some, and position ids for all", async () => {
    const out = join(temporaryFolder(), "run");
    const images = ["--image", SCENE, "--image", SCENE, "What colour is the star?", "--backend", "wasm"];
    const more = ["--methods", "nuwa,pooling", "--variant", "paper", "--positions", "rpme", "--max-new-tokens", "1"];
    const { code, out: text, err } = await nuwa("compare", ...images, ...more, "--out", out);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(text).toMatch(/^method +nuwa, paper, average 1\/9, cosine in stage 2, rpme positions$/m);
    expect(text).toMatch(/^method +pooling, average 1\/9, rpme positions$/m);
    expect(text).toMatch(/^none +288 → 288 /m);
    const record = JSON.parse(readFileSync(join(out, "compare.json"), "utf8"));
    expect(record.images).toEqual([SCENE, SCENE]);
    expect(record.methods.map(({ variant, positions }: Record<string, string>) => [variant, positions])).toEqual([
      ["paper", "rpme"],
      [undefined, "rpme"],
    ]);
  });

  it.each<[string, string[], number, RegExp]>([
    ["a reading that none has", ["--methods", "fastv,pooling", "--variant", "paper"], 2, /none of fastv, pooling has/],
    ["a reading that does not exist", ["--methods", "nuwa,pooling", "--variant", "x"], 2, /--variant x: nuwa has/],
    ["position ids that do not exist", ["--methods", "nuwa,pooling", "--positions", "x"], 2, /--positions/],
    ["images given twice", ["--methods", "nuwa,pooling", "--image", SCENE], 2, /images are given twice/],
    ["one method", ["--methods", "nuwa"], 2, /^nuwa: --methods: needs two/],
    ["no pruning among them", ["--methods", "nuwa,none"], 2, /Leave none out/],
    ["a method twice", ["--methods", "nuwa,nuwa"], 2, /names "nuwa" twice/],
    ["a method that does not exist", ["--methods", "nuwa,nowa"], 2, /nowa/],
    ["no methods", [], 2, /--methods/],
    ["an average that none takes", ["--methods", "feather,ivcprune", "--average", "1/4"], 2, /none of .* has a budget/],
    ["too large a budget", ["--methods", "nuwa,fastv", "--average", "200"], 2, /exceeds the 144/],
  ])("refuses %s in one line, before it writes", async (_, argv, code, message) => {
    const out = join(temporaryFolder(), "run");
    const outcome = await nuwa("compare", ...ASKED, ...argv, "--out", out);
    expect(outcome.err).toMatch(message);
    expect(outcome.code).toBe(code);
    expect(outcome.err.trimEnd().split("\n")).toHaveLength(1);
    expect(outcome.out).toBe("");
  });
});
