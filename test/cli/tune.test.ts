import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { randomFrom } from "../../src/core/random-numbers.ts";
import { exportModel } from "../../src/train/shapes/export.ts";
import { initialWeights } from "../../src/train/shapes/initial.ts";
import { configOfRecipe } from "../../src/train/shapes/session.ts";
import { readConstants } from "../../src/train/tune/tuned-constants.ts";
import { MICRO } from "../train/support.ts";
import { listing, nuwa, temporaryFolder } from "./support.ts";

const picture = fileURLToPath(new URL("../../docs/images/coffee.png", import.meta.url));

describe("nuwa tune", () => {
  const model = join(temporaryFolder(), "model");
  const tune = (...more: string[]) =>
    nuwa("tune", "--model", model, "--average", "1/2", "--backend", "wasm", "--steps", "2", ...more);

  beforeAll(async () => {
    await useBackend("wasm");
    const config = configOfRecipe(MICRO);
    const weights = initialWeights(config, randomFrom(1));
    await exportModel(model, config, weights);
    tf.dispose([...weights.values()]);
  });

  it("writes constants that nuwa ask takes, and curves; it never writes over them, and resuming changes nothing", {
    timeout: 120_000,
  }, async () => {
    const out = join(temporaryFolder(), "tuned");
    const { code, out: text, err } = await tune("--out", out, "--variant", "paper");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(text).toMatch(/held-out loss \d\.\d{4} before, \d\.\d{4} after/);
    expect(listing(out).filter((name) => !name.startsWith("state-"))).toEqual([
      "constants.json",
      "curves.png",
      "curves.svg",
      "progress.json",
    ]);
    const path = join(out, "constants.json");
    const constants = readConstants(path);
    expect(constants).toMatchObject({ variant: "paper", average: "1/2", steps: 2, seed: 44 });
    expect(constants.constants.distanceFraction).not.toBeCloseTo(280 / 1058, 6);

    const again = await tune("--out", out, "--variant", "paper");
    expect(again.code).toBe(2);
    expect(again.err).toBe(`nuwa: ${out}: holds a tuning. Add --resume to go on with it, or give another --out.\n`);
    expect((await tune("--out", out, "--variant", "paper", "--resume")).code).toBe(0);
    expect(readConstants(path)).toEqual(constants);

    const ask = (...more: string[]) =>
      nuwa("ask", picture, "is there a star ?", "--model", model, "--backend", "wasm", "--average", "1/2", ...more);
    expect((await ask("--variant", "paper", "--constants", path)).code).toBe(0);
    const otherVariant = await ask("--constants", path);
    expect(otherVariant.code).toBe(2);
    expect(otherVariant.err).toBe(
      `nuwa: ${path}: field "variant": was tuned for paper, not official. Ask for paper alone.\n`,
    );
    const otherMethod = await ask("--method", "fastv", "--constants", path);
    expect(otherMethod.err).toBe(
      `nuwa: --constants ${path}: only nuwa has them, not fastv. Add nuwa to the methods.\n`,
    );
    const score = (...more: string[]) => {
      const of = ["--model", model, "--limit", "1", "--averages", "1/2", "--backend", "wasm", "--constants", path];
      return nuwa("eval", ...of, "--out", join(out, "eval"), ...more);
    };
    expect((await score("--variants", "paper,official")).err).toContain("was tuned for paper, not official");
    expect(await score("--methods", "nuwa", "--variants", "paper")).toMatchObject({
      code: 0,
      err: "13/13 answers  0 s left\n",
    });
    const { constants: used } = JSON.parse(readFileSync(join(out, "eval", "options.json"), "utf8"));
    expect(used).toEqual(constants.constants);
    writeFileSync(path, readFileSync(path, "utf8").replace("distanceFraction", "distance"));
    const damaged = await ask("--variant", "paper", "--constants", path);
    expect(damaged.code).toBe(1);
    expect(damaged.err).toMatch(/constants\.json: field "constants\.distanceFraction".*\n$/);
  });

  it("refuses to resume what is not there, in one line", async () => {
    const out = join(temporaryFolder(), "nothing");
    const { code, err } = await tune("--out", out, "--resume");
    expect(code).toBe(2);
    expect(err).toBe(`nuwa: ${out}: holds no tuning to resume. Leave out --resume.\n`);
  });

  it.each([
    [["--steps", "0"], '"0" must be at least 1'],
    [["--average", "99"], "average 99 exceeds the 16 visual tokens"],
    [["--backend", "webgpu"], "Allowed choices are tensorflow, wasm, cpu"],
    [["--model", "/nowhere"], "/nowhere"],
  ])("refuses %j in one line before anything is written", async (more, message) => {
    const out = join(temporaryFolder(), "refused");
    const { code, err } = await nuwa("tune", "--model", model, "--out", out, ...more);
    expect(code).toBeGreaterThan(0);
    expect(err).toContain(message);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(() => listing(out)).toThrow();
  });
});
