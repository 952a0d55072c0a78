import { describe, expect, it } from "vitest";
import { familyNamed } from "../../src/model/families.ts";
import { fieldsOf } from "../../src/model/fields.ts";
import { processorFile } from "../../src/model/processor-fields.ts";
import { refusal } from "../io/scratch.ts";
import { BASES, type Base, effectIn, NEXT } from "./hub-configs.ts";

type Json = Record<string, unknown>;

it("a SigLIP tower's means and deviations are not guessed", () => {
  const { parseConfig, parsePreprocessing } = familyNamed("llava");
  const vision_config = { model_type: "siglip_vision_model" };
  const config = parseConfig("config.json", { vision_config, vision_feature_select_strategy: "full" });
  const half = [0.5, 0.5, 0.5];
  expect(refusal(() => parsePreprocessing("p.json", { image_mean: half }, config))).toBe(
    'p.json: fields "image_mean" and "image_std": are missing, which a SigLIP tower needs.',
  );
  expect(parsePreprocessing("p.json", { image_mean: half, image_std: half }, config).summary).toContain("mean 0.5");
  expect(refusal(() => parsePreprocessing("p.json", { image_processor_type: "SiglipImageProcessor" }, config))).toMatch(
    /^p\.json: field "image_processor_type": "SiglipImageProcessor" is not supported, only CLIPImageProcessor/,
  );
});

describe("a field of the processor's file", () => {
  const CHANNELS = "is not supported, only";
  it.each<[Base, string, unknown, "honoured" | "none" | string]>([
    ["LLAVA", "do_resize", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_rescale", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_normalize", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_center_crop", false, `false ${CHANNELS} true, or false where images are padded.`],
    ["LLAVA", "do_convert_rgb", false, "none"],
    ["LLAVA", "do_pad", true, "honoured"],
    ["LLAVA", "resample", 2, `2 ${CHANNELS} 3 (bicubic).`],
    ["LLAVA", "rescale_factor", 1, `1 ${CHANNELS} 1/255.`],
    ["LLAVA", "image_mean", [0, 0, 0], "honoured"],
    ["LLAVA", "image_std", [1, 1e-3, 0.5], "honoured"],
    ["LLAVA", "size", "336", `"336" ${CHANNELS} pixels, or shortest_edge, or height and width.`],
    ["LLAVA", "crop_size", {}, `{} ${CHANNELS} pixels, or height and width.`],
    ["LLAVA", "size", { shortest_edge: 336 }, "honoured"],
    [
      "LLAVA",
      "size",
      { shortest_edge: 224 },
      '{"shortest_edge":224} does not lead to the image_size of config.json, 336 × 336.',
    ],
    [
      "LLAVA",
      "size",
      { height: 336, width: 336 },
      '{"height":336,"width":336} stretches the image, which is not supported, only shortest_edge.',
    ],
    ["LLAVA", "crop_size", 224, "224 does not lead to the image_size of config.json, 336 × 336."],
    [
      "LLAVA",
      "image_processor_type",
      "SiglipImageProcessor",
      `"SiglipImageProcessor" ${CHANNELS} CLIPImageProcessor and LlavaImageProcessor.`,
    ],
    ["NEXT", "do_resize", false, "none"],
    ["NEXT", "do_center_crop", false, "none"],
    ["NEXT", "do_pad", false, "none"],
    ["NEXT", "do_normalize", false, `false ${CHANNELS} true.`],
    ["NEXT", "size", { shortest_edge: 336 }, "honoured"],
    ["NEXT", "size", { height: 336, width: 336 }, "honoured"],
    ["NEXT", "size", { shortest_edge: 224 }, '{"shortest_edge":224} differs from the tiles of config.json, 336.'],
    [
      "NEXT",
      "crop_size",
      { height: 224, width: 224 },
      '{"height":224,"width":224} differs from the tiles of config.json, 336.',
    ],
    [
      "NEXT",
      "image_grid_pinpoints",
      [[336, 672]],
      `[[336,672]] differs from that of config.json, ${JSON.stringify(NEXT.image_grid_pinpoints)}.`,
    ],
    ["QWEN", "do_resize", false, `false ${CHANNELS} true.`],
    ["QWEN", "patch_size", 16, "16 differs from 14 in config.json."],
    ["QWEN", "merge_size", 4, "4 differs from 2 in config.json."],
    ["QWEN", "temporal_patch_size", 1, "1 differs from 2 in config.json."],
    [
      "QWEN",
      "image_processor_type",
      "Qwen3VLImageProcessor",
      `"Qwen3VLImageProcessor" ${CHANNELS} Qwen2VLImageProcessor.`,
    ],
    ["QWEN", "min_pixels", 3136, "honoured"],
  ])("of %s: %s = %j", (base, field, value, outcome) => {
    const family = familyNamed(BASES[base].model_type);
    const config = family.parseConfig("config.json", BASES[base]);
    const json = { [field]: value };
    const parse = () => family.parsePreprocessing("preprocessor_config.json", json, config);
    if (outcome !== "none" && outcome !== "honoured")
      return expect(refusal(parse)).toBe(`preprocessor_config.json: field "${field}": ${outcome}`);
    expect(parse).not.toThrow();
    expect(effectIn(fieldsOf(json, processorFile(json, family.schemas(BASES[base]).processor)), field)).toBe(outcome);
  });

  it.each<[Base, unknown]>([
    ["LLAVA", 1e-300],
    ["NEXT", 0],
    ["QWEN", 1.5],
  ])("of %s: a deviation of %j would make infinities, or is one of levels up to 255", (base, value) => {
    const family = familyNamed(BASES[base].model_type);
    const config = family.parseConfig("config.json", BASES[base]);
    expect(refusal(() => family.parsePreprocessing("p.json", { image_std: [0.5, value, 0.5] }, config))).toBe(
      `p.json: field "image_std.1": ${value} ${CHANNELS} a number from 0.001 to 1.`,
    );
  });

  const summary = (base: Base, json: Json) => {
    const family = familyNamed(BASES[base].model_type);
    return family.parsePreprocessing("p.json", json, family.parseConfig("config.json", BASES[base])).summary;
  };

  it("do_pad pads to a square in LLaVA's processor; CLIP's means the pictures of a batch", () => {
    expect(summary("LLAVA", { do_pad: true, image_processor_type: "LlavaImageProcessor" })).toMatch(/^padded/);
    expect(summary("LLAVA", { do_pad: true, do_center_crop: false })).toMatch(/^padded/);
    expect(summary("LLAVA", { do_pad: true, image_processor_type: "CLIPImageProcessor" })).toMatch(/^scaled to cover/);
  });

  it.each<[Json, string]>([
    [{}, "3136 to 1003520"],
    [{ min_pixels: 3136, max_pixels: 12845056 }, "3136 to 12845056"],
    [{ size: { shortest_edge: 784, longest_edge: 7840 } }, "784 to 7840"],
    [{ size: { shortest_edge: 784, longest_edge: 7840 }, max_pixels: 78400 }, "784 to 78400"],
    [{ size: { shortest_edge: 784, longest_edge: 7840 }, min_pixels: 1568 }, "1568 to 7840"],
    [{ size: { min_pixels: 784, max_pixels: 7840 } }, "784 to 7840"],
    [{ min_pixels: 7840, max_pixels: 7840 }, "7840 to 7840"],
  ])("%j bounds Qwen2.5-VL's pictures as transformers does", (json, bounds) => {
    expect(summary("QWEN", json)).toContain(`with ${bounds} pixels`);
  });
});
