import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { profileWork } from "../../scripts/bench/profile.ts";
import { compareLoading } from "../../scripts/bench/reading.ts";
import { aroundKernels } from "../../src/analysis/cost/kernels.ts";
import { useBackend } from "../../src/backend/select.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("the profile of some work", () => {
  it("counts kernels by stage and shapes, and its times add up", async () => {
    let stage = "first";
    const before = tf.engine().runKernel;
    const stages = await profileWork(
      () => stage,
      () =>
        tf.tidy(() => {
          const product = tf.matMul(tf.ones([2, 3]), tf.ones([3, 4]));
          tf.matMul(tf.ones([2, 3]), tf.ones([3, 4]));
          stage = "second";
          product.exp();
        }),
    );
    expect(tf.engine().runKernel).toBe(before);
    const [first, second] = ["first", "second"].map((name) => stages.get(name));
    const products = first?.times.find(({ kernel }) => kernel === "BatchMatMul");
    expect(products).toMatchObject({ shapes: "2×3, 3×4", count: 2 });
    expect(second?.times.map(({ kernel }) => kernel)).toEqual(["Exp"]);
    for (const one of [first, second]) {
      const sum = (one?.times ?? []).reduce((all, { milliseconds }) => all + milliseconds, one?.outside ?? 0);
      expect(sum).toBeCloseTo(one?.milliseconds ?? 0, 6);
      expect(one?.ops).toBe(one?.times.reduce((all, { count }) => all + count, 0));
    }
  });

  it("counts what runs inside a kernel once", async () => {
    const stages = await profileWork(
      () => "all",
      () =>
        tf.tidy(() => {
          // As a kernel that is made of others: the inner one is called while the outer one runs.
          const stop = aroundKernels(({ name }, run) => {
            if (name === "Exp") tf.tidy(() => tf.ones([200, 200]).matMul(tf.ones([200, 200])));
            return run();
          });
          tf.exp(tf.scalar(1));
          stop();
        }),
    );
    const all = stages.get("all");
    const sum = (all?.times ?? []).reduce((total, { milliseconds }) => total + milliseconds, all?.outside ?? 0);
    expect(sum).toBeCloseTo(all?.milliseconds ?? 0, 6);
    expect(all?.times.map(({ kernel }) => kernel)).toContain("BatchMatMul");
  });

  it("leaves the engine as it was where the work throws", async () => {
    const before = tf.engine().runKernel;
    const work = () => {
      throw new Error("no");
    };
    await expect(profileWork(() => "all", work)).rejects.toThrow("no");
    expect(tf.engine().runKernel).toBe(before);
  });
});

describe("loading against reading", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nuwa-test-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("takes turns over all bytes of a checkpoint and frees the model", () => {
    const tensors = tf.memory().numTensors;
    const report = compareLoading("wasm", "test/fixtures/square", 2);
    expect(report.loading).toHaveLength(2);
    expect(report.reading).toHaveLength(2);
    expect(report.bytes).toBeGreaterThan(100_000);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it("refuses a folder without weights", () => {
    writeFileSync(join(folder, "config.json"), "{}");
    expect(() => compareLoading("wasm", folder, 1)).toThrow(/has no model.safetensors/);
  });
});
