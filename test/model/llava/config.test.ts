import { describe, expect, it } from "vitest";
import { rasterShape } from "../../../src/model/image-shape.ts";
import { parseConfig } from "../../../src/model/llava/config.ts";
import { tensorShapes } from "../../../src/model/llava/tensor-shapes.ts";
import { refusal } from "../../io/scratch.ts";

type Json = Record<string, unknown>;
const parse = (config: Json, generation: Json = {}, tower?: Json) =>
  parseConfig("config.json", config, generation, tower);
const CLIP_LARGE_336 = {
  hidden_size: 1024,
  image_size: 336,
  intermediate_size: 4096,
  model_type: "clip_vision_model",
  num_attention_heads: 16,
  num_hidden_layers: 24,
  patch_size: 14,
  projection_dim: 768,
  vocab_size: 32000,
};
const LLAVA_7B = {
  architectures: ["LlavaForConditionalGeneration"],
  ignore_index: -100,
  image_token_index: 32000,
  model_type: "llava",
  pad_token_id: 32001,
  projector_hidden_act: "gelu",
  text_config: { model_type: "llama", max_position_embeddings: 4096, rms_norm_eps: 1e-5, vocab_size: 32064 },
  vision_config: CLIP_LARGE_336,
  vision_feature_layer: -2,
  vision_feature_select_strategy: "default",
  vocab_size: 32064,
};
const ORIGINAL = {
  architectures: ["LlavaLlamaForCausalLM"],
  model_type: "llava_llama",
  hidden_act: "silu",
  hidden_size: 4096,
  image_aspect_ratio: "pad",
  intermediate_size: 11008,
  max_position_embeddings: 4096,
  mm_hidden_size: 1024,
  mm_projector_type: "mlp2x_gelu",
  mm_vision_select_feature: "patch",
  mm_vision_select_layer: -2,
  mm_vision_tower: "openai/clip-vit-large-patch14-336",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  tie_word_embeddings: false,
  vocab_size: 32000,
};

describe("defaults", () => {
  it("complete llava-1.5-7b-hf, whose file omits most of the language model", () => {
    const { vision, text, ...rest } = parse(LLAVA_7B);
    expect(vision).toEqual({
      kind: "clip",
      hiddenSize: 1024,
      intermediateSize: 4096,
      numHiddenLayers: 24,
      numAttentionHeads: 16,
      imageSize: [336, 336],
      patchSize: 14,
      layerNormEps: 1e-5,
      hiddenAct: "quick_gelu",
    });
    expect(text).toEqual({
      vocabSize: 32064,
      hiddenSize: 4096,
      intermediateSize: 11008,
      numHiddenLayers: 32,
      numAttentionHeads: 32,
      numKeyValueHeads: 32,
      headDim: 128,
      hiddenAct: "silu",
      biases: { inputs: false, output: false, mlp: false },
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      ropeSections: [64],
      tieWordEmbeddings: false,
      maxPositionEmbeddings: 4096,
      eosTokenIds: [2],
    });
    expect(rest).toEqual({
      family: "llava",
      facts: {
        layers: 32,
        visionBlocks: 24,
        featureBlocks: 23,
        capabilities: ["class-attention", "key-norms", "tower-blocks", "merging"],
      },
      imageShape: rasterShape({ rows: 24, columns: 24 }),
      imageTokenId: 32000,
      visionFeatureLayer: -2,
      visionFeatureSelectStrategy: "default",
      projectorHiddenAct: "gelu",
      projectorBias: true,
      padImages: false,
    });
    const parameters = [...tensorShapes(parse(LLAVA_7B)).values()].reduce(
      (sum, s) => sum + s.reduce((p, n) => p * n, 1),
      0,
    );
    // 7.06 B, without the tower's unused post_layernorm.
    expect(parameters).toBe(7_063_425_024);
  });

  it("complete tiny-llava, which has grouped keys and 1.41 B parameters", () => {
    const text_config = {
      model_type: "llama",
      hidden_size: 2048,
      intermediate_size: 5632,
      num_hidden_layers: 22,
      num_attention_heads: 32,
      num_key_value_heads: 4,
      rms_norm_eps: 1e-5,
      vocab_size: 32064,
    };
    const config = parse({ ...LLAVA_7B, text_config });
    expect(config.text).toMatchObject({ headDim: 64, numKeyValueHeads: 4, numHiddenLayers: 22 });
    const parameters = [...tensorShapes(config).values()].reduce((sum, s) => sum + s.reduce((p, n) => p * n, 1), 0);
    expect((parameters / 1e9).toFixed(2)).toBe("1.41");
  });

  it("are those of LlavaConfig, CLIPVisionConfig and LlamaConfig in transformers", () => {
    expect(parse({})).toEqual(parse({ model_type: "llava", vision_config: CLIP_LARGE_336, text_config: {} }));
    expect(parse({}).text).toMatchObject({ rmsNormEps: 1e-6, vocabSize: 32000 });
    expect(parse({ vision_config: {} }).vision).toMatchObject({
      hiddenSize: 768,
      imageSize: [224, 224],
      patchSize: 32,
    });
  });

  it("stand for fields that are written as null", () => {
    const nothing = {
      num_key_value_heads: null,
      head_dim: null,
      rope_scaling: null,
      rope_parameters: null,
      eos_token_id: null,
    };
    const text_config = { ...nothing, attention_bias: null, mlp_bias: null, pad_token_id: null };
    expect(parse({ text_config, quantization_config: null, image_aspect_ratio: null })).toEqual(parse({}));
  });

  it("give way to every spelling of a field", () => {
    const theta = (text_config: Json) => parse({ text_config }).text.ropeTheta;
    expect(theta({ rope_theta: 5000 })).toBe(5000);
    expect(theta({ rope_parameters: { rope_theta: 5000, rope_type: "default" } })).toBe(5000);
    expect(theta({ rope_scaling: { type: "default" } })).toBe(10000);
    expect(parse({ image_token_id: 7 }).imageTokenId).toBe(7);
    // Where a file written by one version and edited by another has both, transformers takes these.
    expect(theta({ rope_theta: 5000, rope_parameters: { rope_theta: 7000 } })).toBe(7000);
    expect(parse({ image_token_index: 8, image_token_id: 7 }).imageTokenId).toBe(7);
    expect(parse({ vision_config: { image_size: [64, 96] } }).vision.imageSize).toEqual([64, 96]);
    expect(parse({ tie_word_embeddings: true }).text.tieWordEmbeddings).toBe(true);
    expect(parse({ text_config: { tie_word_embeddings: true } }).text.tieWordEmbeddings).toBe(true);
    expect(parse({ text_config: { head_dim: 64 } }).text.headDim).toBe(64);
    expect(parse({ image_aspect_ratio: "pad" }).padImages).toBe(true);
    expect(parse({ vision_feature_layer: 5, vision_feature_select_strategy: "full" })).toMatchObject({
      visionFeatureLayer: 5,
      visionFeatureSelectStrategy: "full",
    });
  });

  it("let generation_config.json say where an answer ends", () => {
    const eos = (generation: Json, text_config: Json = {}) => parse({ text_config }, generation).text.eosTokenIds;
    expect(eos({}, { eos_token_id: [5, 6] })).toEqual([5, 6]);
    expect(eos({ eos_token_id: null }, { eos_token_id: 5 })).toEqual([5]);
    expect(eos({ eos_token_id: [7, 8] }, { eos_token_id: 5 })).toEqual([7, 8]);
  });

  it.each([["2"], ["</s>"], [{}], [true], [1.5], [-1], [[]], [[2, "3"]], [[null]]])(
    "refuse %j as the end of an answer, by file and field",
    (end) => {
      const problem = 'field "eos_token_id": must be a token id, an integer from 0, or a list of them.';
      expect(refusal(() => parseConfig("/model/config.json", {}, { eos_token_id: end }))).toBe(
        `/model/generation_config.json: ${problem}`,
      );
      expect(refusal(() => parseConfig("/model/config.json", { text_config: { eos_token_id: end } }))).toBe(
        `/model/config.json: ${problem.replace("eos", "text_config.eos")}`,
      );
    },
  );
});

describe("original LLaVA", () => {
  it.each([
    ["of its own", CLIP_LARGE_336],
    ["inside a whole CLIP's", { vision_config: CLIP_LARGE_336 }],
  ])("takes its tower from a configuration %s", (_, tower) => {
    const config = parse(ORIGINAL, {}, tower);
    const { text } = parse({ ...LLAVA_7B, text_config: { ...LLAVA_7B.text_config, vocab_size: 32000 } });
    expect(config).toEqual({ ...parse(LLAVA_7B), text, imageTokenId: -200, padImages: true });
  });

  it("crops where it is not told to pad, and keeps the class token for cls_patch", () => {
    const config = parse(
      { ...ORIGINAL, image_aspect_ratio: "square", mm_vision_select_feature: "cls_patch" },
      {},
      CLIP_LARGE_336,
    );
    expect(config).toMatchObject({ padImages: false, visionFeatureSelectStrategy: "full" });
  });

  it.each<[string, Json, RegExp]>([
    [
      "another projector",
      { mm_projector_type: "linear" },
      /"mm_projector_type": "linear" is not supported, only "mlp2x_gelu"/,
    ],
    [
      "tiles",
      { image_aspect_ratio: "anyres" },
      /"image_aspect_ratio": "anyres" is not supported, only "pad" and "square"/,
    ],
    ["another language model", { model_type: "llava_mpt" }, /"model_type"/],
  ])("is refused with %s", (_, fields, message) => {
    expect(refusal(() => parse({ ...ORIGINAL, ...fields }, {}, CLIP_LARGE_336))).toMatch(message);
  });

  it("is refused without its tower, saying where to put it", () => {
    expect(refusal(() => parse(ORIGINAL))).toMatch(/"mm_vision_tower".*subfolder vision_tower/);
  });
});
