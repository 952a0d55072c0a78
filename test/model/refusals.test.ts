import { describe, expect, it } from "vitest";
import { familyNamed } from "../../src/model/families.ts";
import { fieldsOf } from "../../src/model/fields.ts";
import type { QwenConfig } from "../../src/model/qwen2_5-vl/config.ts";
import { generationSchema } from "../../src/model/transformer/generation.ts";
import { refusal } from "../io/scratch.ts";
import { CONFIGS } from "../support-families.ts";
import { BASES, type Base, effectIn, NEXT, QWEN } from "./hub-configs.ts";

type Json = Record<string, unknown>;

/**
 * What a field must do: change nothing ("none"), be used, so that the parsed configuration holds these values, or be
 * refused with this text behind file and field.
 */
type Outcome = "none" | Json | string;

/** A configuration with one other field; a dot in its name leads into a part. */
function withField(base: Json, path: string, value: unknown): Json {
  const config = structuredClone(base);
  const names = path.split(".");
  const last = names.pop() as string;
  const part = names.reduce((inner, name) => {
    inner[name] ??= {};
    return inner[name] as Json;
  }, config);
  part[last] = value;
  return config;
}

const PARTS = "only a model without a bias in the attention";
const ACTIVATIONS =
  "only quick_gelu, gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, gelu_pytorch_tanh, gelu_python_tanh, silu, " +
  "swish, relu.";
const ROPE_TYPES = '"linear", "dynamic", "llama3", "yarn".';
const LINEAR = { type: "linear", factor: 2, originalPositions: 4096 };
const LLAMA3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

describe.each(Object.keys(BASES) as Base[])("the hub's %s", (name) => {
  it("is read, and no field of it is unknown", () => {
    const config: Json = BASES[name];
    const family = familyNamed(config.model_type as string);
    expect(() => family.parseConfig("config.json", config)).not.toThrow();
    expect(fieldsOf(config, family.schemas(config).config).filter(({ effect }) => effect === "unknown")).toEqual([]);
  });
});

it("blocks of Qwen2.5-VL's tower that attend over everything are ascending, each once", () => {
  const config = familyNamed("qwen2_5_vl").parseConfig("tiny", {
    ...CONFIGS.qwen2_5_vl,
    vision_config: { ...CONFIGS.qwen2_5_vl.vision_config, fullatt_block_indexes: [3, 1, 3] },
  });
  expect((config as QwenConfig).vision.fullAttentionBlocks).toEqual([1, 3]);
});

describe("a field of config.json", () => {
  it.each<[Base, string, unknown, Outcome]>([
    // Tower.
    [
      "LLAVA",
      "vision_config.model_type",
      "dinov2",
      '"dinov2" is not supported, only "clip_vision_model" and "siglip_vision_model".',
    ],
    ["LLAVA", "vision_config.hidden_act", "gelu", { vision: { hiddenAct: "gelu" } }],
    ["LLAVA", "vision_config.hidden_act", "gelu_pytorch_tanh", { vision: { hiddenAct: "gelu_pytorch_tanh" } }],
    ["LLAVA", "vision_config.hidden_act", "mish", `"mish" is not supported, ${ACTIVATIONS}`],
    ["LLAVA", "vision_config.patch_size", [14, 14], { vision: { patchSize: 14 } }],
    ["LLAVA", "vision_config.patch_size", [14, 7], "[14,7] is not supported, only square patches."],
    [
      "LLAVA",
      "vision_config.per_layer_config",
      { 0: {} },
      '{"0":{}} is not supported, only a model without settings for single layers.',
    ],
    ["LLAVA", "vision_config.num_channels", 1, "1 is not supported, only 3 channels."],
    ["LLAVA", "vision_config.layer_norm_eps", 1e-6, { vision: { layerNormEps: 1e-6 } }],
    ["LLAVA", "vision_config.image_size", 224, { vision: { imageSize: [224, 224] } }],
    ["LLAVA", "vision_config.attention_dropout", 0.1, "none"],
    ["LLAVA", "vision_config.projection_dim", 512, "none"],
    ["LLAVA", "vision_feature_layer", -1, { visionFeatureLayer: -1, facts: { featureBlocks: 24 } }],
    ["LLAVA", "vision_feature_layer", [-2, 5], { visionFeatureLayer: [-2, 5], facts: { featureBlocks: 23 } }],
    ["NEXT", "vision_feature_layer", [1, 5], { visionFeatureLayer: [1, 5], facts: { featureBlocks: 5 } }],
    ["LLAVA", "vision_feature_select_strategy", "full", { visionFeatureSelectStrategy: "full" }],
    [
      "NEXT",
      "vision_feature_select_strategy",
      "full",
      '"full" is not supported, only "default": the class token is dropped.',
    ],
    ["QWEN", "vision_config.hidden_act", "gelu", { vision: { hiddenAct: "gelu" } }],
    ["QWEN", "hidden_act", "gelu_new", { text: { hiddenAct: "gelu_new" } }],
    ["QWEN", "hidden_act", "tanh", `"tanh" is not supported, ${ACTIVATIONS}`],
    ["QWEN", "head_dim", 128, { text: { headDim: 128 } }],
    ["QWEN", "head_dim", 64, "64 is not hidden_size / num_attention_heads."],
    ["QWEN", "vision_config.in_chans", 1, "1 is not supported, only 3 channels."],
    ["QWEN", "vision_config.tokens_per_second", 4, "none"],
    ["QWEN", "vision_config.spatial_patch_size", 16, "none"],
    ["QWEN", "vision_config.spatial_merge_size", 4, { vision: { spatialMergeSize: 4 } }],
    ["QWEN", "vision_config.fullatt_block_indexes", [31], { vision: { fullAttentionBlocks: [31] } }],
    ["QWEN", "vision_config.rope_theta", 5000, "5000 is not supported, only 10000."],
    [
      "QWEN_NESTED",
      "vision_config.rope_parameters.rope_type",
      "linear",
      '"linear" is not supported, only "axial" and "default".',
    ],

    // Projector and images.
    ["LLAVA", "projector_hidden_act", "silu", { projectorHiddenAct: "silu" }],
    ["LLAVA", "projector_hidden_act", "relu", { projectorHiddenAct: "relu" }],
    ["LLAVA", "projector_hidden_act", "tanh", `"tanh" is not supported, ${ACTIVATIONS}`],
    ["LLAVA", "multimodal_projector_bias", false, { projectorBias: false }],
    ["LLAVA", "image_token_index", 7, { imageTokenId: 7 }],
    ["LLAVA", "image_token_id", 7, { imageTokenId: 7 }],
    ["LLAVA", "image_seq_length", 1, "none"],
    ["LLAVA", "image_aspect_ratio", "pad", { padImages: true }],
    ["LLAVA", "image_aspect_ratio", "anyres", '"anyres" is not supported, only "pad", "square" and "crop".'],
    ["NEXT", "image_aspect_ratio", "anyres", "none"],
    ["NEXT", "use_image_newline_parameter", false, "none"],
    ["NEXT", "image_grid_pinpoints", [[336, 336]], { pinpoints: [[336, 336]] }],
    ["NEXT", "image_grid_pinpoints", null, { pinpoints: NEXT.image_grid_pinpoints }],
    ["NEXT", "image_grid_pinpoints", [[16128, 16128]], "[16128,16128] has more than 65536 patches of 14 pixels."],
    ["NEXT", "image_grid_pinpoints", [[336, 500]], "[336,500] is not made of tiles of 336 × 336 pixels."],
    ["QWEN", "image_token_id", 9, { imageTokenId: 9 }],
    ["QWEN", "video_token_id", 9, "none"],
    ["QWEN", "vision_start_token_id", 9, "none"],

    // Decoder.
    ["LLAVA", "text_config.model_type", "qwen3", '"qwen3" is not supported, only "llama", "mistral" and "qwen2".'],
    ["LLAVA", "text_config.model_type", "qwen2", { text: { biases: { inputs: true, output: false, mlp: false } } }],
    ["LLAVA", "text_config.hidden_act", "swish", { text: { hiddenAct: "swish" } }],
    ["LLAVA", "text_config.hidden_act", "gelu", { text: { hiddenAct: "gelu" } }],
    ["LLAVA", "text_config.hidden_act", "relu2", `"relu2" is not supported, ${ACTIVATIONS}`],
    ["LLAVA", "text_config.head_dim", 64, { text: { headDim: 64 } }],
    ["LLAVA", "text_config.num_key_value_heads", 8, { text: { numKeyValueHeads: 8 } }],
    ["LLAVA", "text_config.attention_bias", true, { text: { biases: { inputs: true, output: true, mlp: false } } }],
    ["NEXT_MISTRAL", "text_config.attention_bias", true, `true is not supported, ${PARTS}.`],
    ["LLAVA", "text_config.mlp_bias", true, { text: { biases: { inputs: false, output: false, mlp: true } } }],
    ["NEXT_MISTRAL", "text_config.mlp_bias", true, "true is not supported, only a model without a bias in the MLP."],
    [
      "QWEN_NESTED",
      "text_config.is_causal",
      false,
      "false is not supported, only true: no token sees those behind it.",
    ],
    [
      "NEXT_MISTRAL",
      "text_config.per_layer_config",
      { 0: {} },
      '{"0":{}} is not supported, only a model without settings for single layers.',
    ],
    ["LLAVA", "text_config.pretraining_tp", 2, "none"],
    ["LLAVA", "text_config.use_cache", false, "none"],
    ["LLAVA", "text_config.pad_token_id", 5, "none"],
    ["LLAVA", "text_config.eos_token_id", [5, 6], { text: { eosTokenIds: [5, 6] } }],
    ["LLAVA", "eos_token_id", 7, { text: { eosTokenIds: [7] } }],
    ["QWEN", "eos_token_id", 7, { text: { eosTokenIds: [7] } }],
    ["QWEN_NESTED", "text_config.eos_token_id", 7, { text: { eosTokenIds: [7] } }],
    ["QWEN_NESTED", "eos_token_id", 7, "none"],
    ["LLAVA", "tie_word_embeddings", true, { text: { tieWordEmbeddings: true } }],
    ["LLAVA", "text_config.tie_word_embeddings", true, { text: { tieWordEmbeddings: true } }],
    ["QWEN", "tie_word_embeddings", true, { text: { tieWordEmbeddings: true } }],
    ["QWEN_NESTED", "text_config.tie_word_embeddings", true, { text: { tieWordEmbeddings: true } }],
    ["LLAVA", "quantization_config", { bits: 4 }, '{"bits":4} is not supported, only a model without quantisation.'],
    [
      "QWEN_NESTED",
      "text_config.quantization_config",
      { bits: 4 },
      '{"bits":4} is not supported, only a model without quantisation.',
    ],
    ["LLAVA", "text_config.layer_types", ["full_attention"], {}],

    // Rotary positions.
    ["LLAVA", "text_config.rope_theta", 5000, { text: { ropeTheta: 5000 } }],
    ["LLAVA", "text_config.rope_parameters", { rope_theta: 5000, rope_type: "default" }, { text: { ropeTheta: 5000 } }],
    ["LLAVA", "text_config.rope_scaling", null, {}],
    [
      "LLAVA",
      "text_config.partial_rotary_factor",
      0.5,
      "0.5 is not supported, only 1: all channels of a head are rotated.",
    ],
    ["LLAVA", "text_config.rope_scaling", { type: "linear", factor: 2 }, { text: { ropeScaling: LINEAR } }],
    ["LLAVA", "text_config.rope_parameters", { rope_type: "linear", factor: 2 }, { text: { ropeScaling: LINEAR } }],
    // The newer name goes first.
    [
      "LLAVA",
      "text_config.rope_scaling",
      { type: "dynamic", rope_type: "linear", factor: 2 },
      { text: { ropeScaling: LINEAR } },
    ],
    ["LLAVA", "text_config.rope_scaling", LLAMA3, { text: { ropeScaling: { originalPositions: 4096 } } }],
    [
      "LLAVA",
      "text_config.rope_scaling",
      { ...LLAMA3, original_max_position_embeddings: 512 },
      {
        text: {
          ropeScaling: { type: "llama3", originalPositions: 512, lowFrequencyFactor: 1, highFrequencyFactor: 4 },
        },
      },
    ],
    [
      "QWEN",
      "rope_scaling",
      { type: "yarn", mrope_section: [16, 24, 24], factor: null, original_max_position_embeddings: 32000 },
      { text: { ropeScaling: { type: "yarn", factor: 4, betaFast: 32, betaSlow: 1, truncate: true } } },
    ],
    ...["longrope", "mrope", "proportional", "su"].flatMap((type): [Base, string, unknown, Outcome][] => [
      ["LLAVA", "text_config.rope_scaling.type", type, `"${type}" is not supported, only "default", ${ROPE_TYPES}`],
      [
        "NEXT_MISTRAL",
        "text_config.rope_parameters.rope_type",
        type,
        `"${type}" is not supported, only "default", ${ROPE_TYPES}`,
      ],
    ]),
    ["QWEN", "rope_scaling.type", "longrope", `"longrope" is not supported, only "mrope", "default", ${ROPE_TYPES}`],
    ["QWEN", "rope_theta", 5000, { text: { ropeTheta: 5000 } }],
    ["QWEN", "rope_scaling.mrope_section", [20, 22, 22], { text: { ropeSections: [20, 22, 22] } }],

    // Sliding windows: Llama has none, Mistral has one in every layer, Qwen's must be switched off.
    ["LLAVA", "text_config.sliding_window", 16, "none"],
    ["NEXT_MISTRAL", "text_config.sliding_window", 4096, { text: { slidingWindow: 4096 } }],
    [
      "NEXT_MISTRAL",
      "text_config.sliding_window",
      1,
      "must be at least 2, not 1. Mend it, or get the file anew from where it came.",
    ],
    ["NEXT_MISTRAL", "text_config.sliding_window", null, { text: { slidingWindow: undefined } }],
    ["QWEN", "use_sliding_window", true, "true is not supported, only a model without attention in a sliding window."],
    ["QWEN", "sliding_window", 16, "none"],
    ["QWEN", "max_window_layers", 1, "none"],
  ])("of %s: %s = %j", (base, path, value, outcome) => {
    const config = withField(BASES[base], path, value);
    const family = familyNamed(config.model_type as string);
    const parse = (json: Json) => family.parseConfig("config.json", json);
    if (typeof outcome === "string" && outcome !== "none")
      return expect(refusal(() => parse(config))).toBe(`config.json: field "${path}": ${outcome}`);
    expect(effectIn(fieldsOf(config, family.schemas(config).config), path)).toBe(
      outcome === "none" ? "none" : "honoured",
    );
    if (outcome === "none") expect(parse(config)).toEqual(parse(BASES[base]));
    else expect(parse(config)).toMatchObject(outcome);
  });

  it.each<[Base, string, unknown, string]>([
    [
      "LLAVA",
      "text_config.rope_parameters",
      { full_attention: { rope_theta: 5 } },
      "text_config.rope_parameters.full_attention",
    ],
    ["QWEN_NESTED", "text_config.layer_types", ["full_attention", "sliding_attention"], "text_config.layer_types.1"],
    ["NEXT_MISTRAL", "text_config.layer_types", ["sliding_attention"], "text_config.layer_types.0"],
  ])("of %s is refused inside %s: %j", (base, path, value, field) => {
    const config = withField(BASES[base], path, value);
    const message = refusal(() => familyNamed(config.model_type as string).parseConfig("config.json", config));
    expect(message).toMatch(new RegExp(`^config\\.json: field "${field}": .+ is not supported, only .+\\.$`));
  });

  it("may not contradict another", () => {
    const parse = (path: string, value: unknown) => () =>
      familyNamed("qwen2_5_vl").parseConfig("config.json", withField(QWEN, path, value));
    expect(refusal(parse("vision_config.out_hidden_size", 2048))).toBe(
      "config.json: vision_config.out_hidden_size 2048 is not the hidden_size of the language model, 3584.",
    );
  });

  it("of Mistral that is missing has Mistral's default", () => {
    const text_config = { model_type: "mistral" };
    expect(familyNamed("llava").parseConfig("config.json", { text_config }).text).toMatchObject({
      intermediateSize: 14336,
      numKeyValueHeads: 8,
      ropeTheta: 10000,
      maxPositionEmbeddings: 131072,
      slidingWindow: 4096,
    });
  });

  it("of Qwen2 that is missing has Qwen2's default", () => {
    const config = familyNamed("llava").parseConfig("config.json", { text_config: { model_type: "qwen2" } });
    expect(config.text).toMatchObject({
      vocabSize: 151936,
      intermediateSize: 22016,
      numKeyValueHeads: 32,
      maxPositionEmbeddings: 32768,
      eosTokenIds: [],
    });
  });

  it("of SigLIP that is missing has SigLIP's default", () => {
    const vision_config = { model_type: "siglip_vision_model", image_size: 384, patch_size: 14 };
    const config = { vision_config, vision_feature_select_strategy: "full", vision_feature_layer: -1 };
    const parsed = familyNamed("llava").parseConfig("config.json", config);
    expect(parsed).toMatchObject({
      vision: { kind: "siglip", hiddenSize: 768, layerNormEps: 1e-6, hiddenAct: "gelu_pytorch_tanh" },
      // 384 pixels are 27 patches of 14, and 6 pixels that nothing sees.
      imageShape: { grids: [{ rows: 27, columns: 27 }], extraTokens: 0, length: 729 },
    });
    expect(familyNamed("llava").tensorShapes(parsed).get("vision_tower.vision_model.pre_layrnorm.weight")).toBe(
      undefined,
    );
  });

  it("that stands there twice is taken where transformers takes it", () => {
    const text = (text_config: Json, top: Json = {}) =>
      familyNamed("llava").parseConfig("config.json", { text_config, ...top }).text;
    const both = { rope_scaling: { type: "default" }, rope_parameters: { rope_theta: 7 }, rope_theta: 5 };
    expect(text(both).ropeTheta).toBe(5);
    expect(text({ ...both, rope_scaling: {} }).ropeTheta).toBe(7);
    expect(text({ tie_word_embeddings: true }, { tie_word_embeddings: false }).tieWordEmbeddings).toBe(true);
    // LLaVA-NeXT's head is its own unless the top says otherwise.
    const next = { model_type: "llava_next", text_config: { tie_word_embeddings: true } };
    expect(familyNamed("llava_next").parseConfig("config.json", next).text.tieWordEmbeddings).toBe(false);
  });
});

describe("a model family", () => {
  it.each(["qwen2_vl", "llava_onevision", "llava_next_video", "mistral"])("%s is refused by name", (name) => {
    expect(refusal(() => familyNamed(name))).toBe(
      `the model: field "model_type": "${name}" is not supported. Supported are: llava, llava_next, qwen2_5_vl.`,
    );
  });
});

describe("a field of generation_config.json", () => {
  it("is honoured where it ends an answer; how to decode is asked for by options", () => {
    const json = { eos_token_id: [151645, 151643], do_sample: true, repetition_penalty: 1.05, bad_words_ids: [[1]] };
    expect(familyNamed("qwen2_5_vl").parseConfig("config.json", QWEN, json).text.eosTokenIds).toEqual([151645, 151643]);
    expect(fieldsOf(json, generationSchema).map(({ effect }) => effect)).toEqual([
      "honoured",
      "none",
      "honoured",
      "unknown",
    ]);
  });
});
