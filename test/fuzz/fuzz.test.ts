import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NuwaError } from "../../src/core/errors.ts";
import { fuzz, inScratch, judge } from "./run.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const CORPUS = new URL("corpus/", import.meta.url);
/** The same on every machine; new cases come from `npm run fuzz`. */
const SEED = 2602;

/** Inputs that once were taken wrongly, or are meant to be. */
function corpusOf({ name }: Target): URL[] {
  const folder = new URL(`${name}/`, CORPUS);
  return existsSync(folder) ? readdirSync(folder).map((file) => new URL(file, folder)) : [];
}

describe("the parsers", () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "give the value of a sound file, and refuse a damaged one in a line: %s",
    async (_, target) => {
      const { failure } = await inScratch((folder) => fuzz(target, { seed: SEED, cases: target.cases, folder }));
      expect(failure?.problem).toBeUndefined();
    },
  );

  it.each(TARGETS.flatMap((target) => (corpusOf(target).length > 0 ? [[target.name, target] as const] : [])))(
    "take or refuse the files of the corpus: %s",
    async (_, target) => {
      for (const file of corpusOf(target))
        await inScratch((folder) => judge(target, { bytes: readFileSync(file) }, folder)).catch((error: Error) => {
          throw new Error(`${file.pathname}: ${error.message}`, { cause: error });
        });
    },
  );

  it.each([
    ["pickles", "digits of a number", `F${"1".repeat(2 ** 17)}x\n.`],
    ["tables", "columns", Array.from({ length: 50_000 }, (_, i) => i).join("\t")],
    [
      "configs",
      "blocks",
      `{"model_type":"qwen2_5_vl","vision_config":{"fullatt_block_indexes":[${"1,".repeat(9e5)}1]}}`,
    ],
    ["drawings", "comments that do not end", `<svg>${"<!--".repeat(2 ** 17)}`],
    ["drawings", "digits of a length", `<svg width="${"1".repeat(2 ** 17)}x" height="1"/>`],
  ])("end soon: %s, %s without limit", async (name, _, text) => {
    const target = TARGETS.find((one) => one.name === name) as Target;
    await inScratch((folder) => judge({ ...target, seconds: 1 }, { bytes: Buffer.from(text) }, folder));
  });

  it("have targets of their own for every folder of the corpus", () => {
    const names = TARGETS.map(({ name }) => name);
    expect(readdirSync(CORPUS).filter((folder) => !names.includes(folder))).toEqual([]);
  });
});

describe("a fuzzer", () => {
  const wrong: Target = {
    name: "wrong",
    cases: 1,
    inputs: fc.string().map((text) => ({ bytes: Buffer.from(text) })),
    read(path) {
      if (readFileSync(path, "latin1").includes("[")) throw new TypeError("no line for a user");
    },
  };

  it("finds what is wrong, and the smallest input of it", async () => {
    const { failure } = await inScratch((folder) => fuzz(wrong, { seed: SEED, cases: 300, folder }));
    expect(failure?.problem).toMatch(/TypeError: no line for a user/);
    expect(failure?.bytes).toEqual(Buffer.from("["));
  });

  it.each([
    ["gives 2 instead of 1", { read: (): unknown => 2 }, { wanted: 1 }],
    ["gives 2 instead of 1", { read: (): unknown => 2, decode: () => 1 }, {}],
    ["a message has 0 characters", { read: () => Promise.reject(new NuwaError("")) }, {}],
    ["a sound file is refused: no", { read: () => Promise.reject(new NuwaError("no")) }, { wanted: 1 }],
    [
      "it takes",
      {
        seconds: 0.01,
        read: () => {
          for (const end = performance.now() + 50; performance.now() < end; );
        },
      },
      {},
    ],
  ])("says that something %s", async (problem, change, input) => {
    const target: Target = { ...wrong, ...change };
    await expect(inScratch((folder) => judge(target, { bytes: Buffer.of(), ...input }, folder))).rejects.toThrow(
      problem,
    );
  });
});
