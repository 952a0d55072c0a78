import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { judge, lawsFor } from "../../src/laws/judge.ts";
import type { MethodDefinition } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Keeps the first patch twice. */
const doubling: MethodDefinition = {
  name: "doubling",
  summary: "the first patch, twice",
  positions: "original",
  budget: () => 2,
  create: () => ({
    name: "doubling",
    positions: "original",
    idsAfterCut: "kept",
    *selectPatches({ features }) {
      return { cells: Array.from({ length: features.shape[0] }, () => [0, 0]) };
    },
    cuts: new Map(),
  }),
};

describe("the laws of any method", () => {
  it("are sentences of docs/invariants.md", () => {
    const document = readFileSync(new URL("../../docs/invariants.md", import.meta.url), "utf8");
    for (const { sentence } of lawsFor(doubling)) expect(document).toContain(`- **${sentence}**`);
  });

  it("are kept by Nüwa", () => {
    const broken = judge(methodNamed("nuwa"), { runs: 40 }).filter(({ status }) => status === "breaks");
    expect(broken).toEqual([]);
  });

  it("say which cell is doubled, and do not apply to scores that a method does not rank by", () => {
    const before = tf.memory().numTensors;
    const verdicts = judge(doubling, { runs: 10 });
    // The method is refused in the middle of every pass.
    expect(tf.memory().numTensors).toBe(before);
    expect(verdicts[0].status).toBe("breaks");
    expect(verdicts[0].broken?.picture).toMatch(/\{.*\}/);
    expect(verdicts.some(({ status }) => status === "does not apply")).toBe(true);
  });

  it("are asked for by their sentences", () => {
    expect(() => lawsFor(doubling, { law: "All is well." })).toThrow(/there is no law "All is well\."/);
  });
});
