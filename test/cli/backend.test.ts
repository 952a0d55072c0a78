import { describe, expect, it } from "vitest";
import { hasLargeMatrix } from "../../src/cli/backend.ts";
import { openModel, shapesWeights } from "../../src/io/load.ts";

const { locations } = openModel(shapesWeights());
const withWeight = (name: string, shape: readonly number[]) => ({
  locations: [...locations, { ...locations[0], name, shape }],
});

describe("whether a layer has a large matrix", () => {
  it.each([
    ["language_model.model.layers.0.mlp.up_proj.weight", [512, 512], true],
    ["language_model.model.layers.0.mlp.up_proj.weight", [512, 511], false],
    ["language_model.lm_head.weight", [32_000, 64], false],
    ["language_model.model.embed_tokens.weight", [32_000, 64], false],
    ["vision_tower.vision_model.embeddings.patch_embedding.weight", [1024, 3, 14, 14], false],
  ])("%s of %j: %j", (name, shape, isLarge) => {
    expect(hasLargeMatrix(withWeight(name, shape))).toBe(isLarge);
  });

  it("is not so in the shipped model", () => {
    expect(hasLargeMatrix({ locations })).toBe(false);
  });
});
