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
const ROPE = 'is not supported, only "default"';
const WINDOW = "only null or a window of at least max_position_embeddings, 32768.";

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
      "siglip_vision_model",
      '"siglip_vision_model" is not supported, only "clip_vision_model".',
    ],
    ["LLAVA", "vision_config.hidden_act", "gelu", { vision: { hiddenAct: "gelu" } }],
    [
      "LLAVA",
      "vision_config.hidden_act",
      "gelu_pytorch_tanh",
      '"gelu_pytorch_tanh" is not supported, only quick_gelu, gelu, silu.',
    ],
    ["LLAVA", "vision_config.num_channels", 1, "1 is not supported, only 3 channels."],
    ["LLAVA", "vision_config.layer_norm_eps", 1e-6, { vision: { layerNormEps: 1e-6 } }],
    ["LLAVA", "vision_config.image_size", 224, { vision: { imageSize: [224, 224] } }],
    ["LLAVA", "vision_config.attention_dropout", 0.1, "none"],
    ["LLAVA", "vision_config.projection_dim", 512, "none"],
    ["LLAVA", "vision_feature_layer", -1, { visionFeatureLayer: -1, facts: { featureBlocks: 24 } }],
    ["LLAVA", "vision_feature_layer", [-2, -5], "[-2,-5] is not supported, only one layer, as a number."],
    ["LLAVA", "vision_feature_select_strategy", "full", { visionFeatureSelectStrategy: "full" }],
    [
      "NEXT",
      "vision_feature_select_strategy",
      "full",
      '"full" is not supported, only "default": the class token is dropped.',
    ],
    ["QWEN", "vision_config.hidden_act", "gelu", '"gelu" is not supported, only "silu".'],
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
    ["LLAVA", "projector_hidden_act", "relu", '"relu" is not supported, only quick_gelu, gelu, silu.'],
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
    ["NEXT", "image_grid_pinpoints", [[336, 500]], "[336,500] is not made of tiles of 336 × 336 pixels."],
    ["QWEN", "image_token_id", 9, { imageTokenId: 9 }],
    ["QWEN", "video_token_id", 9, "none"],
    ["QWEN", "vision_start_token_id", 9, "none"],

    // Decoder.
    ["LLAVA", "text_config.model_type", "qwen2", '"qwen2" is not supported, only "llama" and "mistral".'],
    ["LLAVA", "text_config.hidden_act", "swish", {}],
    ["LLAVA", "text_config.hidden_act", "gelu", '"gelu" is not supported, only "silu".'],
    ["LLAVA", "text_config.head_dim", 64, { text: { headDim: 64 } }],
    ["LLAVA", "text_config.num_key_value_heads", 8, { text: { numKeyValueHeads: 8 } }],
    ["LLAVA", "text_config.attention_bias", true, `true is not supported, ${PARTS}.`],
    ["NEXT_MISTRAL", "text_config.attention_bias", true, `true is not supported, ${PARTS}.`],
    ["LLAVA", "text_config.mlp_bias", true, "true is not supported, only a model without a bias in the MLP."],
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
    ...["linear", "dynamic", "yarn", "llama3", "mrope"].flatMap((type): [Base, string, unknown, Outcome][] => [
      ["LLAVA", "text_config.rope_scaling.type", type, `"${type}" ${ROPE}.`],
      ["NEXT_MISTRAL", "text_config.rope_parameters.rope_type", type, `"${type}" ${ROPE}.`],
    ]),
    ["QWEN", "rope_scaling.type", "yarn", '"yarn" is not supported, only "mrope" and "default".'],
    [
      "QWEN_NESTED",
      "text_config.rope_parameters.rope_type",
      "linear",
      '"linear" is not supported, only "mrope" and "default".',
    ],
    ["QWEN", "rope_theta", 5000, { text: { ropeTheta: 5000 } }],
    ["QWEN", "rope_scaling.mrope_section", [20, 22, 22], { text: { ropeSections: [20, 22, 22] } }],

    // Sliding windows: Llama has none, Mistral's must hold the whole context, Qwen's must be switched off.
    ["LLAVA", "text_config.sliding_window", 16, "none"],
    ["NEXT_MISTRAL", "text_config.sliding_window", 32768, { text: { maxPositionEmbeddings: 32768 } }],
    ["NEXT_MISTRAL", "text_config.sliding_window", 4096, `4096 is not supported, ${WINDOW}`],
    ["NEXT_MISTRAL", "text_config.sliding_window", undefined, `4096 is not supported, ${WINDOW}`],
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
    const text_config = { model_type: "mistral", sliding_window: null };
    expect(familyNamed("llava").parseConfig("config.json", { text_config }).text).toMatchObject({
      intermediateSize: 14336,
      numKeyValueHeads: 8,
      ropeTheta: 10000,
      maxPositionEmbeddings: 131072,
    });
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
