import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { preprocessingOf } from "../../src/io/preprocessing.ts";
import { parseConfig } from "../../src/model/llava/config.ts";
import type { LlavaPreprocessing } from "../../src/model/llava/preprocessing.ts";
import { refusal, scratchFolder } from "./scratch.ts";

const folder = scratchFolder();
const SIZE = [336, 336] as const;
const CLIP = {
  imageSize: SIZE,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
  aspect: "crop",
};

/** preprocessor_config.json of llava-1.5-7b-hf. */
const HF = {
  crop_size: { height: 336, width: 336 },
  do_center_crop: true,
  do_convert_rgb: true,
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  image_mean: CLIP.mean,
  image_processor_type: "CLIPImageProcessor",
  image_std: CLIP.std,
  processor_class: "LlavaProcessor",
  resample: 3,
  rescale_factor: 1 / 255,
  size: { shortest_edge: 336 },
};

function preprocessing(files: Record<string, unknown>, imageSize: readonly [number, number] = SIZE, pad = false) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "vision_tower"), { recursive: true });
  for (const [name, value] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(value));
  const config = { ...parseConfig("config.json", {}), padImages: pad };
  const model = { ...config, vision: { ...config.vision, imageSize } };
  return preprocessingOf(folder, model) as LlavaPreprocessing;
}
const withFields = (fields: object, imageSize: readonly [number, number] = SIZE, pad = false) =>
  preprocessing({ "preprocessor_config.json": { ...HF, ...fields } }, imageSize, pad);

describe("preprocessingOf", () => {
  it("is CLIP's where the folder says nothing, or what transformers writes for CLIP", () => {
    expect(preprocessing({})).toMatchObject(CLIP);
    expect(preprocessing({ "preprocessor_config.json": {} })).toMatchObject(CLIP);
    expect(withFields({})).toMatchObject(CLIP);
    // The form of 2021.
    expect(withFields({ feature_extractor_type: "CLIPFeatureExtractor", size: 336, crop_size: 336 })).toMatchObject(
      CLIP,
    );
  });

  it("takes mean and standard deviation from the file", () => {
    const half = [0.5, 0.5, 0.5];
    expect(withFields({ image_mean: half, image_std: half })).toMatchObject({ ...CLIP, mean: half, std: half });
  });

  it("pads where config.json or the file asks for it", () => {
    expect(preprocessing({}, SIZE, true).aspect).toBe("pad");
    expect(withFields({}, SIZE, true).aspect).toBe("pad");
    expect(withFields({ do_pad: true, image_processor_type: "LlavaImageProcessorFast" }).aspect).toBe("pad");
    expect(withFields({ image_aspect_ratio: "pad" }).aspect).toBe("pad");
    expect(withFields({ do_pad: false, image_aspect_ratio: null }).aspect).toBe("crop");
  });

  it("looks first into processor_config.json, then preprocessor_config.json, then the tower's folder", () => {
    const mean = (m: number) => ({ ...HF, image_mean: [m, m, m] });
    const tower = { "vision_tower/preprocessor_config.json": mean(0.3) };
    const plain = { ...tower, "preprocessor_config.json": mean(0.2) };
    const nested = {
      ...plain,
      "processor_config.json": { image_processor: mean(0.1), processor_class: "LlavaProcessor" },
    };
    expect(preprocessing(nested).mean[0]).toBe(0.1);
    expect(preprocessing({ ...plain, "processor_config.json": { patch_size: 14 } }).mean[0]).toBe(0.2);
    expect(preprocessing(tower).mean[0]).toBe(0.3);
  });

  it("accepts sizes that lead to the tower's, also when it is not square", () => {
    const wide = [32, 56] as const;
    expect(withFields({ size: { shortest_edge: 32 }, crop_size: { height: 32, width: 56 } }, wide).imageSize).toBe(
      wide,
    );
    const high = [56, 32] as const;
    expect(withFields({ size: 32, crop_size: { height: 56, width: 32 } }, high).imageSize).toBe(high);
    expect(withFields({ size: { height: 336, width: 336 } }, SIZE, true).aspect).toBe("pad");
  });

  it.each<[string, object]>([
    ["size", { size: { shortest_edge: 224 } }],
    ["size", { size: 224 }],
    ["size", { size: { height: 336, width: 224 } }],
    ["size", { size: { longest_edge: 336 } }],
    ["size", { do_pad: true, size: { height: 224, width: 224 } }],
    ["crop_size", { crop_size: 224 }],
    ["crop_size", { crop_size: { height: 336, width: 224 } }],
    ["crop_size", { crop_size: { height: 336 } }],
    ["resample", { resample: 2 }],
    ["rescale_factor", { rescale_factor: 1 / 127.5 }],
    ["image_mean", { image_mean: [0.5] }],
    ["image_mean", { image_mean: 0.5 }],
    ["image_std.1", { image_std: [1, 0, 1] }],
    ["image_mean.0", { image_mean: [122.7, 116.7, 104.1] }],
    ["do_resize", { do_resize: false }],
    ["do_center_crop", { do_center_crop: false }],
    ["do_rescale", { do_rescale: false }],
    ["do_normalize", { do_normalize: false }],
    ["image_aspect_ratio", { image_aspect_ratio: "anyres" }],
    ["image_processor_type", { image_processor_type: "Siglip2ImageProcessor" }],
    ["image_processor_type", { image_processor_type: "LlavaNextImageProcessor" }],
  ])("refuses, naming %s, what it would do differently: %j", (field, fields) => {
    expect(refusal(() => withFields(fields))).toContain(`preprocessor_config.json: field "${field}"`);
  });

  it("names the file and the whole path of a nested field", () => {
    const files = { "processor_config.json": { image_processor: { ...HF, resample: 1 } } };
    expect(refusal(() => preprocessing(files))).toMatch(/processor_config\.json: field "image_processor\.resample"/);
  });
});
