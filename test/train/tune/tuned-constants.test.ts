import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import {
  type ConstantsFile,
  freeOf,
  readConstants,
  valuesOf,
  variantConstants,
  writeConstants,
} from "../../../src/train/tune/tuned-constants.ts";
import { inFolder } from "../support.ts";

const FILE: ConstantsFile = {
  variant: "paper",
  family: "llava",
  average: "1/9",
  constants: { distanceFraction: 0.4, similaritySharpness: 1.5, keyNormExponent: 0.3, pillarQuantile: 0.6 },
  heldOut: { before: 1, after: 0.9 },
  steps: 10,
  seed: 1,
};

beforeAll(async () => {
  await useBackend("wasm");
});

it.each(["paper", "official"] as const)(
  "the constants of %s come back from numbers without bounds",
  async (variant) => {
    const free = freeOf(variantConstants(variant, "llava"));
    const values = await valuesOf(free);
    for (const [name, value] of Object.entries(variantConstants(variant, "llava")))
      expect(values[name as keyof typeof values], name).toBeCloseTo(value, 6);
    tf.dispose([...free.values()]);
  },
);

it.each([
  // The released scripts: 0.55 of the anchors and 280/1058; a half on LLaVA-NeXT; nine of ten and 0.8² on Qwen2.5-VL.
  ["llava", "official", 0.55, 280 / 1058, 0],
  ["llava_next", "official", 0.5, 280 / 1058, 0],
  ["qwen2_5_vl", "official", 0.1, 0.64, 0],
  ["qwen2_5_vl", "paper", 0.75, 280 / 1058, 1],
] as const)("tuning on %s starts from its own constants of %s", (family, variant, quantile, fraction, exponent) => {
  expect(variantConstants(variant, family)).toEqual({
    ...{ distanceFraction: fraction, similaritySharpness: 1 },
    ...{ keyNormExponent: exponent, pillarQuantile: quantile },
  });
});

it("a file of constants is read as it was written", async () => {
  await inFolder(async (folder) => {
    writeConstants(join(folder, "constants.json"), FILE);
    expect(readConstants(join(folder, "constants.json"))).toEqual(FILE);
  });
});

it.each([
  ["distanceFraction", 0, "constants.distanceFraction"],
  ["similaritySharpness", -1, "constants.similaritySharpness"],
  ["pillarQuantile", 1.5, "constants.pillarQuantile"],
  ["keyNormExponent", "much", "constants.keyNormExponent"],
])("a file whose %s is %s is refused with the field's name", async (name, value, field) => {
  await inFolder(async (folder) => {
    const path = join(folder, "constants.json");
    writeFileSync(path, JSON.stringify({ ...FILE, constants: { ...FILE.constants, [name]: value } }));
    expect(() => readConstants(path)).toThrow(`${path}: field "${field}"`);
  });
});
