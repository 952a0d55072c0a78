import { describe, expect, it } from "vitest";
import { familyNamed } from "../../src/model/families.ts";
import { fieldsOf } from "../../src/model/fields.ts";
import { processorFile } from "../../src/model/processor-fields.ts";
import { refusal } from "../io/scratch.ts";
import { BASES, type Base, effectIn, NEXT } from "./hub-configs.ts";

type Json = Record<string, unknown>;

describe("the picture of a SigLIP tower", () => {
  const HALF = [0.5, 0.5, 0.5];
  const vision_config = { model_type: "siglip_vision_model", image_size: 42, patch_size: 14 };
  const parsed = (family: string, json: Json) => {
    const { parseConfig, parsePreprocessing } = familyNamed(family);
    const pinpoints = family === "llava_next" ? { image_grid_pinpoints: [[42, 84]] } : {};
    const config = { model_type: family, vision_config, vision_feature_select_strategy: "full", ...pinpoints };
    return parsePreprocessing("p.json", json, parseConfig("config.json", config));
  };

  it.each(["llava", "llava_next"])("of %s: means and deviations are not guessed", (family) => {
    for (const json of [{}, { image_mean: HALF }, { image_std: HALF }])
      expect(refusal(() => parsed(family, json))).toBe(
        'p.json: fields "image_mean" and "image_std": are missing, which a SigLIP tower needs. Give them, or the ' +
          '"image_processor_type" whose defaults they are.',
      );
    expect(parsed(family, { image_mean: HALF, image_std: HALF }).summary).toContain("mean 0.5 0.5 0.5, standard");
  });

  const exact = { height: 42, width: 42 };
  const covering = { size: 42, crop_size: 42 };
  // The defaults of transformers' classes, whatever the tower is.
  it.each([
    ["llava", "SiglipImageProcessor", { size: exact }, "stretched to 42×42, bicubic; mean 0.5 0.5 0.5, standard"],
    ["llava", "SiglipImageProcessorFast", { size: exact }, "stretched to 42×42, bicubic; mean 0.5"],
    ["llava", "SiglipImageProcessorPil", { size: exact }, "stretched to 42×42, bicubic; mean 0.5"],
    ["llava", "CLIPImageProcessor", covering, "scaled to cover, its centre cropped, to 42×42, bicubic; mean 0.4815"],
    ["llava_next", "LlavaNextImageProcessor", {}, "cut into tiles, bicubic; mean 0.4815 0.4578 0.4082"],
  ])("of %s: %s says what its default means are", (family, image_processor_type, sizes, summary) => {
    expect(parsed(family, { image_processor_type, ...sizes }).summary).toContain(summary);
  });

  it.each([
    ["SiglipImageProcessor", {}, 'size": is missing, and the default of its class, {"height":224,"width":224},'],
    [
      "CLIPImageProcessor",
      { crop_size: 42 },
      'size": is missing, and the default of its class, {"shortest_edge":224},',
    ],
    ["CLIPImageProcessor", { size: 42 }, 'crop_size": is missing, and the default of its class, 224,'],
    ["CLIPImageProcessor", { size: exact }, 'crop_size": is missing, and the default of its class, 224,'],
  ])("%s with %j makes pictures of its class's default size, which another tower refuses", (type, sizes, message) => {
    expect(refusal(() => parsed("llava", { image_processor_type: type, ...sizes }))).toContain(message);
  });
  it.each<[Json, "stretch" | "crop" | "pad" | string]>([
    [{ size: exact }, "stretch"],
    [{ size: exact, crop_size: 20 }, "stretch"],
    [{ size: exact, do_center_crop: true, crop_size: exact, do_pad: true }, "stretch"],
    [{ size: 42, do_center_crop: true, crop_size: 42 }, "crop"],
    // A field that SigLIP's processor does not know.
    [{ size: exact, image_aspect_ratio: "pad" }, "stretch"],
    [{ image_processor_type: "CLIPImageProcessor", ...covering, image_aspect_ratio: "pad" }, "pad"],
    [{ image_processor_type: "CLIPImageProcessor", size: exact, crop_size: 42 }, "stretch"],
    [{ image_processor_type: "CLIPImageProcessor", size: exact, do_center_crop: false }, "stretch"],
    [{ size: 42 }, 'p.json: field "size": 42 leaves pictures of any width; give height and width.'],
    [
      { size: { shortest_edge: 42 } },
      'p.json: field "size": {"shortest_edge":42} leaves pictures of any width; give height and width.',
    ],
    [
      { size: { height: 42, width: 28 } },
      'p.json: field "size": {"height":42,"width":28} does not lead to the image_size of config.json, 42 × 42.',
    ],
    [
      { size: exact, do_center_crop: true, crop_size: 20 },
      'p.json: field "crop_size": 20 does not lead to the image_size of config.json, 42 × 42.',
    ],
  ])("under %j", (fields, outcome) => {
    const parse = () => parsed("llava", { image_processor_type: "SiglipImageProcessor", ...fields });
    if (outcome.includes(" ")) expect(refusal(parse)).toBe(outcome);
    else expect(parse()).toHaveProperty("aspect", outcome);
  });

  it("that is wide is seen whole: a box in what the tower sees is the same box of the picture", () => {
    const wide = { width: 80, height: 20, pixels: new Uint8Array(80 * 20 * 3) };
    const seen = parsed("llava", { image_processor_type: "SiglipImageProcessor", size: exact });
    expect(seen.boxInPicture([0, 0.25, 0.125, 1], wide)).toEqual([0, 0.25, 0.125, 1]);
    // The left eighth and the lower half are white, and so they are in what the tower sees.
    for (let y = 0; y < 20; y++)
      for (let x = 0; x < 80; x++) if (x < 10 || y >= 10) wide.pixels.fill(255, (y * 80 + x) * 3, (y * 80 + x) * 3 + 3);
    const { pictures } = seen.prepare(wide);
    const light = (x: number, y: number) => pictures[0].pixels[(y * 42 + x) * 3] > 127;
    expect([light(4, 0), light(6, 0), light(41, 0), light(41, 20), light(41, 21), light(41, 41)]).toEqual([
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("is drawn with its cells on the pixels of whole patches", () => {
    const { parseConfig, parsePreprocessing } = familyNamed("llava");
    const config = parseConfig("c", {
      vision_config: { ...vision_config, image_size: 45 },
      vision_feature_select_strategy: "full",
    });
    const json = { image_processor_type: "SiglipImageProcessor", size: { height: 45, width: 45 } };
    const seen = parsePreprocessing("p", json, config);
    const [picture] = seen.prepare({ width: 3, height: 2, pixels: new Uint8Array(18) }).pictures;
    expect(picture).toMatchObject({ width: 45, height: 45, inCells: { width: 42, height: 42 } });
  });
});

describe("a field of the processor's file", () => {
  const CHANNELS = "is not supported, only";
  it.each<[Base, string, unknown, "honoured" | "none" | string]>([
    ["LLAVA", "do_resize", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_rescale", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_normalize", false, `false ${CHANNELS} true.`],
    ["LLAVA", "do_center_crop", false, `false ${CHANNELS} true, or false where images are padded or stretched.`],
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
      { shortest_edge: 336, height: 336, width: 336 },
      `{"shortest_edge":336,"height":336,"width":336} ${CHANNELS} pixels, or shortest_edge, or height and width.`,
    ],
    [
      "LLAVA",
      "size",
      { shortest_edge: 224 },
      '{"shortest_edge":224} does not lead to the image_size of config.json, 336 × 336.',
    ],
    ["LLAVA", "size", { height: 336, width: 336 }, "honoured"],
    [
      "LLAVA",
      "size",
      { height: 224, width: 336 },
      '{"height":224,"width":336} does not lead to the image_size of config.json, 336 × 336.',
    ],
    ["LLAVA", "crop_size", 224, "224 does not lead to the image_size of config.json, 336 × 336."],
    ["LLAVA", "image_processor_type", "SiglipImageProcessor", "honoured"],
    [
      "LLAVA",
      "image_processor_type",
      "Siglip2ImageProcessor",
      `"Siglip2ImageProcessor" ${CHANNELS} CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor.`,
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
    // SigLIP's own size is not this tower's.
    const size = value === "SiglipImageProcessor" ? { size: { height: 336, width: 336 } } : {};
    const json = { [field]: value, ...size };
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
    const sizes = { size: 336, crop_size: 336 };
    expect(summary("LLAVA", { do_pad: true, image_processor_type: "LlavaImageProcessor", ...sizes })).toMatch(
      /^padded/,
    );
    expect(summary("LLAVA", { do_pad: true, do_center_crop: false })).toMatch(/^padded/);
    const clip = { image_processor_type: "CLIPImageProcessor", ...sizes };
    expect(summary("LLAVA", { do_pad: true, ...clip })).toMatch(/^scaled to cover/);
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
