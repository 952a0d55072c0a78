import type { Field } from "../../src/model/fields.ts";

/** Configurations as they stand on the hub, the parts that say something about the model. */

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

/** llava-hf/llava-1.5-7b-hf. */
export const LLAVA = {
  architectures: ["LlavaForConditionalGeneration"],
  ignore_index: -100,
  image_token_index: 32000,
  model_type: "llava",
  pad_token_id: 32001,
  projector_hidden_act: "gelu",
  text_config: {
    _name_or_path: "lmsys/vicuna-7b-v1.5",
    architectures: ["LlamaForCausalLM"],
    max_position_embeddings: 4096,
    model_type: "llama",
    rms_norm_eps: 1e-5,
    torch_dtype: "float16",
    vocab_size: 32064,
  },
  tie_word_embeddings: false,
  torch_dtype: "float16",
  vision_config: CLIP_LARGE_336,
  vision_feature_layer: -2,
  vision_feature_select_strategy: "default",
  vocab_size: 32064,
};

/** llava-hf/llava-v1.6-vicuna-7b-hf. */
export const NEXT = {
  ...LLAVA,
  architectures: ["LlavaNextForConditionalGeneration"],
  image_grid_pinpoints: [
    [336, 672],
    [672, 336],
    [672, 672],
    [1008, 336],
    [336, 1008],
  ],
  model_type: "llava_next",
  use_image_newline_parameter: true,
};

/** llava-hf/llava-v1.6-mistral-7b-hf. */
export const NEXT_MISTRAL = {
  ...NEXT,
  text_config: {
    _name_or_path: "mistralai/Mistral-7B-Instruct-v0.2",
    architectures: ["MistralForCausalLM"],
    intermediate_size: 14336,
    max_position_embeddings: 32768,
    model_type: "mistral",
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 1000000.0,
    sliding_window: null,
    torch_dtype: "bfloat16",
    vocab_size: 32064,
  },
};

const QWEN_VISION = {
  depth: 32,
  hidden_act: "silu",
  hidden_size: 1280,
  intermediate_size: 3420,
  num_heads: 16,
  in_chans: 3,
  out_hidden_size: 3584,
  patch_size: 14,
  spatial_merge_size: 2,
  spatial_patch_size: 14,
  window_size: 112,
  fullatt_block_indexes: [7, 15, 23, 31],
  tokens_per_second: 2,
  temporal_patch_size: 2,
};

/** Qwen/Qwen2.5-VL-7B-Instruct, whose text fields stand at the top. */
export const QWEN = {
  architectures: ["Qwen2_5_VLForConditionalGeneration"],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  vision_start_token_id: 151652,
  vision_end_token_id: 151653,
  vision_token_id: 151654,
  image_token_id: 151655,
  video_token_id: 151656,
  hidden_act: "silu",
  hidden_size: 3584,
  initializer_range: 0.02,
  intermediate_size: 18944,
  max_position_embeddings: 128000,
  max_window_layers: 28,
  model_type: "qwen2_5_vl",
  num_attention_heads: 28,
  num_hidden_layers: 28,
  num_key_value_heads: 4,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 32768,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  use_cache: true,
  use_sliding_window: false,
  vision_config: QWEN_VISION,
  rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] },
  vocab_size: 152064,
};

/** The same as transformers 5 writes it. */
export const QWEN_NESTED = {
  architectures: ["Qwen2_5_VLForConditionalGeneration"],
  dtype: "bfloat16",
  image_token_id: 151655,
  model_type: "qwen2_5_vl",
  text_config: {
    hidden_size: 3584,
    intermediate_size: 18944,
    layer_types: new Array<string>(28).fill("full_attention"),
    max_position_embeddings: 128000,
    max_window_layers: 28,
    model_type: "qwen2_5_vl_text",
    num_attention_heads: 28,
    num_hidden_layers: 28,
    num_key_value_heads: 4,
    rms_norm_eps: 1e-6,
    rope_parameters: { mrope_section: [16, 24, 24], rope_theta: 1000000.0, rope_type: "default" },
    sliding_window: null,
    use_sliding_window: false,
    vocab_size: 152064,
  },
  tie_word_embeddings: false,
  vision_config: {
    ...QWEN_VISION,
    model_type: "qwen2_5_vl_vision",
    rope_parameters: { rope_theta: 10000.0, rope_type: "axial" },
  },
};

/** All of them by name. */
export const BASES = { LLAVA, NEXT, NEXT_MISTRAL, QWEN, QWEN_NESTED } as const;
export type Base = keyof typeof BASES;

/** What a field, or all fields in it, do. */
export function effectIn(fields: readonly Field[], path: string): string {
  const own = fields.filter((field) => field.path === path || field.path.startsWith(`${path}.`));
  return [...new Set(own.map(({ effect }) => effect))].join();
}
