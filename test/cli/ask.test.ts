import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Box } from "../../src/core/boxes.ts";
import { intersectionOverUnion } from "../../src/world/geometry.ts";
import { sceneOf } from "../../src/world/scene.ts";
import { fixturePath } from "../support.ts";
import { listing, nuwa, temporaryFolder } from "./support.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
/** The checkpoint of the paper's grid, 24×24 patches, with random weights. */
const UNTRAINED = ["--model", fileURLToPath(new URL("../../weights/untrained", import.meta.url))];
const photograph = fileURLToPath(new URL("../../docs/images/coffee.png", import.meta.url));

describe("nuwa ask", () => {
  it("prints the answer, what each stage kept, the tokens per layer and what that saves; draws and records it", async () => {
    const out = join(temporaryFolder(), "run");
    const {
      code,
      out: text,
      err,
    } = await nuwa(
      "ask",
      ...UNTRAINED,
      photograph,
      "What is on the table?",
      "--backend",
      "wasm",
      "--average",
      "64",
      "--max-new-tokens",
      "3",
      "--out",
      out,
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(text).toMatch(/^backend +wasm \(asked for\)$/m);
    expect(text).toMatch(/^answer /m);
    expect(text).toMatch(/^stage 1 +576 → 112 visual tokens: 50 pillars, 62 collectors$/m);
    expect(text).toMatch(/^stage 2 +112 → 16 before decoder layer/m);
    expect(text).toMatch(/\(average 64 of 576\)$/m);
    expect(text).toMatch(/88\.9 % of their key-value cache/);
    expect(text).toMatch(
      /^ +\d+\.\d % of all FLOPs before the first word \(\S+ → \S+ GFLOP, exact: text, vision tower/m,
    );
    expect(listing(out)).toEqual(["picture.png", "picture.svg", "run.json"]);
    const record = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(record.visualTokens).toHaveLength(112);
    expect(record.visualTokensPerLayer.averageEntering).toBe(64);
    const { pruned, unpruned } = record.exactCost;
    expect(pruned.visionTower).toBe(unpruned.visionTower);
    expect(pruned.decoder).toBeLessThan(unpruned.decoder);
    expect(pruned.selection).toBeGreaterThan(0);
    const { width, height } = await sharp(join(out, "picture.png")).metadata();
    expect(width).toBeGreaterThan(1000);
    expect(height).toBeGreaterThan(400);
  });

  it("reports what a peer did, counted as tokens enter a layer and as they leave it", async () => {
    const { code, out } = await nuwa(
      ...["ask", ...UNTRAINED, photograph, "What is on the table?", "--backend", "wasm", "--max-new-tokens", "1"],
      ...["--method", "pyramiddrop"],
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^method +pyramiddrop, average as published, compressed positions$/m);
    expect(out).not.toMatch(/^note .*tokens a layer/m);
    const perLayer = /^per layer +([\d ]+) \(average ([\d.]+) of 576\)$/m.exec(out);
    const entering = perLayer?.[1].split(" ").map(Number) ?? [];
    expect(out).toMatch(/ % of all FLOPs before the first word \(\S+ → \S+ GFLOP, exact:/);
    const mean = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;
    expect(Number(perLayer?.[2])).toBeCloseTo(mean(entering), 2);
    const leaving = entering.map((count, layer) => entering[layer + 1] ?? count);
    const counted = /leave a layer: average ([\d.]+)/.exec(out);
    expect(Number(counted?.[1])).toBeCloseTo(mean(leaving), 2);
    expect(mean(leaving)).toBeLessThan(mean(entering));
  });

  it.each(["feather", "ivcprune"])("runs %s, which has no budget, as published", async (method) => {
    const { code, out, err } = await nuwa(
      ...["ask", "docs/images/scene-129.png", "What colour is the cross?", "--model", "weights/no-places"],
      ...["--backend", "wasm", "--max-new-tokens", "1", "--method", method],
    );
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`${method}, average as published, original positions`);
    expect(out).not.toMatch(/--average|tokens a layer/);
  });

  it("gives the same answer for the same seed and leaves everything in place without pruning", async () => {
    const run = () =>
      nuwa(
        "ask",
        ...UNTRAINED,
        photograph,
        "What?",
        "--backend",
        "wasm",
        "--method",
        "none",
        "--temperature",
        "1.5",
        "--top-p",
        "0.9",
        "--seed",
        "7",
        "--max-new-tokens",
        "4",
      );
    const [one, two] = [await run(), await run()];
    expect(two).toEqual(one);
    expect(one.out).toMatch(/^stage 1 +576 → 576 visual tokens$/m);
    expect(one.out).toMatch(/nothing dropped inside the decoder/);
  });

  const folder = temporaryFolder();
  const text = join(folder, "notes.png");
  writeFileSync(text, "this is not an image");
  it.each<[string, string[], number, RegExp]>([
    ["an image that is not one", [text, "What?"], 1, /notes\.png: cannot be read as an image/],
    ["an image that is not there", [join(folder, "gone.png"), "What?"], 1, /gone\.png/],
    ["an empty question", [photograph, ""], 2, /question is empty/],
    ["a question of spaces", [photograph, "  "], 2, /question is empty/],
    ["a question that places more images than there are", [photograph, "<image> <image>?"], 2, /places 2 of 1 images/],
    ["no question at all", [photograph], 2, /the question is missing/],
    ["a temperature of zero", [photograph, "What?", "--temperature", "0"], 2, /temperature 0/],
    ["a top-p above one", [photograph, "What?", "--temperature", "1", "--top-p", "2"], 2, /top-p 2/],
    ["a seed that is no integer", [photograph, "What?", "--seed", "1.5"], 2, /not an integer/],
    [
      "a model without a tokenizer",
      [photograph, "What?", "--model", fixturePath("square")],
      1,
      /tokenizer\.json: is missing/,
    ],
    [
      "an average for no pruning",
      [photograph, "What?", "--method", "none", "--average", "1/9"],
      2,
      /^nuwa: --average 1\/9/,
    ],
    [
      "an average for a method without a budget",
      [photograph, "What?", "--method", "feather", "--average", "64"],
      2,
      /^nuwa: --average 64: the method feather has no budget/,
    ],
    [
      "larger averages for a method without a budget",
      [photograph, "What?", "--method", "ivcprune", "--explore"],
      2,
      /^nuwa: --explore asks for more visual tokens: the method ivcprune has no budget/,
    ],
    [
      "ids for no pruning",
      [photograph, "What?", "--method", "none", "--positions", "rpme"],
      2,
      /^nuwa: --positions rpme/,
    ],
    [
      "constants for no pruning",
      [photograph, "What?", "--method", "none", "--constants", "x.json"],
      2,
      /only nuwa has them/,
    ],
    [
      "a reading for a peer",
      [photograph, "What?", "--method", "fastv", "--variant", "paper"],
      2,
      /^nuwa: --variant is/,
    ],
    [
      "a second score for a peer",
      [photograph, "What?", "--method", "tome", "--stage2", "cosine"],
      2,
      /^nuwa: --stage2 is/,
    ],
    ["too large a budget", [photograph, "What?", "--average", "577"], 2, /exceeds the 576/],
  ])("refuses %s in one line", async (_, argv, code, message) => {
    const outcome = await nuwa("ask", ...UNTRAINED, ...argv, "--backend", "wasm");
    expect(outcome.err).toMatch(message);
    expect(outcome.code).toBe(code);
    expect(outcome.err.trimEnd().split("\n")).toHaveLength(1);
    expect(outcome.out).toBe("");
  });

  it("leaves no record behind when the folder cannot be written", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const outcome = await nuwa(
      "ask",
      ...UNTRAINED,
      photograph,
      "What?",
      "--backend",
      "wasm",
      "--max-new-tokens",
      "1",
      "--out",
      join(file, "below"),
    );
    expect(outcome.code).toBe(1);
    expect(outcome.err).toMatch(/file: is not a folder/);
  });
});

describe("nuwa ask on a scene of shapes", () => {
  const scene = fileURLToPath(new URL("../../docs/images/scene.png", import.meta.url));
  const ask = (...more: string[]) => nuwa("ask", scene, ...more, "--backend", "wasm");

  it("answers rightly with the model that comes with the project, and says whether the pruned answer held", async () => {
    const { code, out } = await ask("What colour is the star?");
    expect(code).toBe(0);
    expect(out).toMatch(/^model +\S*weights\/shapes: trained on drawn scenes/m);
    const [, pruned] = /^answer +(.*)$/m.exec(out) as RegExpExecArray;
    const [, unpruned, verdict] = /^unpruned +(.*) \(the answer (held|changed)\)$/m.exec(out) as RegExpExecArray;
    expect(unpruned).toBe("yellow");
    expect(verdict).toBe(pruned === unpruned ? "held" : "changed");
  });

  it("points at what is asked for", async () => {
    const { out } = await ask("Where is the white triangle?", "--method", "none");
    const numbers = /^answer +(.*)$/m
      .exec(out)?.[1]
      .match(/\d\.\d+/g)
      ?.map(Number) as number[];
    const [box] = sceneOf("test", 11).shapes.filter(({ colour, shape }) => colour === "white" && shape === "triangle");
    expect(intersectionOverUnion(numbers as unknown as Box, box.box)).toBeGreaterThan(0.5);
  });

  it("compares boxes by their overlap", async () => {
    const { out } = await ask("Where is the white triangle?", "--average", "1/3");
    expect(out).toMatch(
      /^unpruned .* \((the answer held|the box held: intersection over union (1\.00|0\.[5-9]\d))\)$/m,
    );
    const moved = await ask("Where is the white triangle?", "--method", "random", "--average", "1", "--seed", "5");
    expect(moved.out).toMatch(/\((the answer changed|the box moved: intersection over union 0\.[0-4]\d)\)$/m);
  });

  it("saves what docs/commands.md says, to the digit", async () => {
    const document = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");
    const quoted = /^saves .*\n.* of all FLOPs before the first word .*$/m.exec(document)?.[0];
    expect(quoted).toContain("54.0 % of all FLOPs before the first word (0.943 → 0.433 GFLOP, exact:");
    const { out } = await ask("Where is the white triangle?");
    expect(out).toContain(quoted);
  });

  it("names words that the model does not know", async () => {
    const { out } = await ask("Where is the white elephant?", "--max-new-tokens", "1");
    expect(out).toMatch(/^note +the model does not know: elephant$/m);
  });
});

describe("the nuwa program", () => {
  it("helps", async () => {
    const help = await nuwa("--help");
    expect(help.code).toBe(0);
    for (const command of ["ask", "forward", "tokenize", "doctor"]) expect(help.out).toContain(command);
  });

  it("runs as npx nuwa and exits with 2 on wrong usage, without a stack trace", () => {
    const { status, stderr } = spawnSync("npx", ["--no-install", "nuwa", "ask"], { cwd: project, encoding: "utf8" });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^nuwa: .*$/m)]);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("tokenizes as the fixture's tokenizer does", async () => {
    const { texts } = JSON.parse(readFileSync(fixturePath("tokenizer", "expected.json"), "utf8"));
    for (const { text, ids } of texts.slice(0, 3)) {
      const { out } = await nuwa("tokenize", "--model", fixturePath("tokenizer"), "--text", text);
      expect(JSON.parse(out)).toEqual(ids);
    }
  });
});
