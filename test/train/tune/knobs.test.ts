import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import {
  freeOf,
  type KnobsFile,
  readKnobs,
  valuesOf,
  variantKnobs,
  writeKnobs,
} from "../../../src/train/tune/knobs.ts";
import { inFolder } from "../support.ts";

const FILE: KnobsFile = {
  variant: "paper",
  average: "1/9",
  knobs: { distanceFraction: 0.4, similaritySharpness: 1.5, keyNormExponent: 0.3, pillarQuantile: 0.6 },
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
    const free = freeOf(variantKnobs(variant));
    const values = await valuesOf(free);
    for (const [name, value] of Object.entries(variantKnobs(variant)))
      expect(values[name as keyof typeof values], name).toBeCloseTo(value, 6);
    tf.dispose([...free.values()]);
  },
);

it("a file of knobs is read as it was written", async () => {
  await inFolder(async (folder) => {
    writeKnobs(join(folder, "knobs.json"), FILE);
    expect(readKnobs(join(folder, "knobs.json"))).toEqual(FILE);
  });
});

it.each([
  ["distanceFraction", 0, "knobs.distanceFraction"],
  ["similaritySharpness", -1, "knobs.similaritySharpness"],
  ["pillarQuantile", 1.5, "knobs.pillarQuantile"],
  ["keyNormExponent", "much", "knobs.keyNormExponent"],
])("a file whose %s is %s is refused with the field's name", async (name, value, field) => {
  await inFolder(async (folder) => {
    const path = join(folder, "knobs.json");
    writeFileSync(path, JSON.stringify({ ...FILE, knobs: { ...FILE.knobs, [name]: value } }));
    expect(() => readKnobs(path)).toThrow(`${path}: field "${field}"`);
  });
});
