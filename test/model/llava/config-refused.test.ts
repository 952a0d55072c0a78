import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NuwaError } from "../../../src/core/errors.ts";
import { parseConfig } from "../../../src/model/llava/config.ts";
import { tensorShapes } from "../../../src/model/llava/tensor-shapes.ts";
import { fixture, refusal } from "../../io/scratch.ts";

type Json = Record<string, unknown>;
const square: Json = JSON.parse(readFileSync(fixture("square", "config.json"), "utf8"));
/** `square` with other fields; a dot in a name leads into a part. */
function squareWith(fields: Json): Json {
  const config = structuredClone(square);
  for (const [path, value] of Object.entries(fields)) {
    const names = path.split(".");
    const last = names.pop() as string;
    names.reduce((part, name) => part[name] as Json, config)[last] = value;
  }
  return config;
}

describe("a configuration that is not supported", () => {
  it.each<[string, Json]>([
    ["model_type", { model_type: "llava_next" }],
    ["vision_config.model_type", { "vision_config.model_type": "dinov2" }],
    ["vision_feature_select_strategy", { "vision_config.model_type": "siglip_vision_model" }],
    ["text_config.model_type", { "text_config.model_type": "qwen3" }],
    ["vision_config.hidden_act", { "vision_config.hidden_act": "mish" }],
    ["text_config.hidden_act", { "text_config.hidden_act": "prelu" }],
    ["projector_hidden_act", { projector_hidden_act: "tanh" }],
    ["vision_config.num_channels", { "vision_config.num_channels": 1 }],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { type: "linear", factor: 0.5 } }],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { type: "linear", factor: "2" } }],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { type: "linear", factor: null } }],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { type: "dynamic", factor: 1e9 } }],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { type: "dynamic" } }],
    ["text_config.rope_scaling.low_freq_factor", { "text_config.rope_scaling": { rope_type: "llama3", factor: 8 } }],
    [
      "text_config.rope_scaling.high_freq_factor",
      { "text_config.rope_scaling": { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
    ],
    ["text_config.rope_scaling.factor", { "text_config.rope_scaling": { factor: 2 } }],
    ["text_config.rope_scaling.rope_type", { "text_config.rope_scaling": { rope_type: "longrope", factor: 2 } }],
    ["text_config.rope_scaling.type", { "text_config.rope_scaling": { type: "su", factor: 2 } }],
    ["text_config.rope_parameters.factor", { "text_config.rope_parameters": { rope_type: "yarn" } }],
    [
      "text_config.rope_parameters.attention_factor",
      { "text_config.rope_parameters": { rope_type: "yarn", factor: 2, attention_factor: 0 } },
    ],
    [
      "text_config.rope_parameters.beta_fast",
      { "text_config.rope_parameters": { rope_type: "yarn", factor: 2, beta_fast: 1, beta_slow: 2 } },
    ],
    [
      "text_config.rope_parameters.original_max_position_embeddings",
      { "text_config.rope_parameters": { rope_type: "yarn", factor: 2, original_max_position_embeddings: 0 } },
    ],
    ["text_config.rope_parameters.rope_theta", { "text_config.rope_parameters": { rope_theta: Infinity } }],
    ["text_config.rope_theta", { "text_config.rope_theta": 1 }],
    ["text_config.rope_theta", { "text_config.rope_theta": -10000 }],
    ["text_config.rope_theta", { "text_config.rope_theta": Number.NaN }],
    ["text_config.rope_theta", { "text_config.rope_theta": 1e30 }],
    ["text_config.rope_parameters", { "text_config.rope_parameters": { partial_rotary_factor: 0.5 } }],
    ["text_config.attention_bias", { "text_config.attention_bias": "yes" }],
    ["text_config.is_causal", { "text_config.is_causal": false }],
    ["text_config.per_layer_config", { "text_config.per_layer_config": { 0: { hidden_size: 8 } } }],
    ["text_config.quantization_config", { "text_config.quantization_config": { bits: 4 } }],
    ["quantization_config", { quantization_config: { quant_method: "bitsandbytes" } }],
    ["vision_feature_layer", { vision_feature_layer: [-2, -9] }],
    ["vision_feature_layer", { vision_feature_layer: [] }],
    ["vision_feature_layer", { vision_feature_layer: [-2, 1.5] }],
    ["vision_feature_layer", { vision_feature_layer: -8 }],
    ["vision_feature_layer", { vision_feature_layer: 7 }],
    ["vision_feature_select_strategy", { vision_feature_select_strategy: "pooled" }],
    ["image_aspect_ratio", { image_aspect_ratio: "anyres" }],
    ["image_size", { "vision_config.image_size": 7 }],
    ["image_size", { "vision_config.image_size": [48, 7] }],
    ["image_size", { "vision_config.image_size": 2 ** 24 }],
    ["image_size", { "vision_config.image_size": 16384, "vision_config.patch_size": 1 }],
    ["vision_config.patch_size", { "vision_config.patch_size": [8, 4] }],
    ["vision_config.patch_size", { "vision_config.patch_size": 0 }],
    ["image_size", { "vision_config.image_size": [48, 48, 48] }],
    ["num_attention_heads", { "vision_config.num_attention_heads": 5 }],
    ["head_dim", { "text_config.head_dim": 15 }],
    ["head_dim", { "text_config.head_dim": null, "text_config.num_attention_heads": 5 }],
    ["num_key_value_heads", { "text_config.num_key_value_heads": 3 }],
    ["text_config.vocab_size", { "text_config.vocab_size": 0 }],
    ["text_config.num_hidden_layers", { "text_config.num_hidden_layers": 1e6 }],
    ["text_config.hidden_size", { "text_config.hidden_size": 48.5 }],
    ["text_config.hidden_size", { "text_config.hidden_size": "48" }],
    ["text_config.rms_norm_eps", { "text_config.rms_norm_eps": -1 }],
    ["text_config.rms_norm_eps", { "text_config.rms_norm_eps": 1e30 }],
    ["vision_config.layer_norm_eps", { "vision_config.layer_norm_eps": 1.5 }],
    ["text_config.eos_token_id", { "text_config.eos_token_id": 1e30 }],
    ["text_config.rope_theta", { "text_config.rope_theta": 0 }],
    ["text_config", { text_config: [] }],
    ["vision_config", { vision_config: "clip" }],
    ["image_token_index", { image_token_index: 1.5 }],
  ])("is refused, naming %s", (field, fields) => {
    expect(refusal(() => parseConfig("config.json", squareWith(fields)))).toMatch(
      new RegExp(`^config\\.json: .*${field.replace(".", "\\.")}`),
    );
  });

  it("is never half understood: any JSON is refused in one line, or gives a model with whole shapes", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.integer({ min: -2, max: 64 }),
      fc.constantFrom(null, "llama", "default", true),
    );
    const fieldsOf = (part: Json, prefix: string) => Object.keys(part).map((name) => prefix + name);
    const known = [
      ...fieldsOf(square, ""),
      ...fieldsOf(square.text_config as Json, "text_config."),
      ...fieldsOf(square.vision_config as Json, "vision_config."),
    ].filter((name) => !/^(text|vision)_config$/.test(name));
    const damaged = fc.dictionary(fc.constantFrom(...known), value, { maxKeys: 3 }).map(squareWith);
    const any = fc.dictionary(
      fc.oneof(fc.constantFrom(...Object.keys(square), "mm_projector_type", "eos_token_id"), fc.string()),
      value,
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, any), any, (config, other) => {
        try {
          const shapes = [...tensorShapes(parseConfig("config.json", config, other, other)).values()];
          expect(shapes.flat().every((n) => Number.isSafeInteger(n) && n > 0)).toBe(true);
          accepted++;
        } catch (error) {
          expect(error).toBeInstanceOf(NuwaError);
        }
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(0);
  });
});
