import type { QwenConfig } from "../../model/qwen2_5-vl/config.ts";
import { PIXEL_MEAN, PIXEL_STD } from "./pictures.ts";
import { qwenId, qwenTokenizerConfig, qwenTokenizerJson, SIDE } from "./qwen-tokens.ts";

/** The files of a Hugging Face Qwen2.5-VL folder but the weights, by name. */
export function qwenFiles(config: QwenConfig): Record<string, unknown> {
  return {
    "tokenizer.json": qwenTokenizerJson(),
    "tokenizer_config.json": qwenTokenizerConfig(),
    "preprocessor_config.json": preprocessorConfig(config),
    "generation_config.json": { ...TOKEN_IDS, do_sample: false, max_new_tokens: 16 },
    "config.json": modelConfig(config),
  };
}

const TOKEN_IDS = {
  bos_token_id: qwenId("<|endoftext|>"),
  eos_token_id: qwenId("<|im_end|>"),
  pad_token_id: qwenId("<|endoftext|>"),
};

function modelConfig({ vision, text, imageTokenId }: QwenConfig): Record<string, unknown> {
  return {
    architectures: ["Qwen2_5_VLForConditionalGeneration"],
    model_type: "qwen2_5_vl",
    dtype: "float32",
    nuwa_note: "trained on drawn scenes of shapes; it knows no photographs",
    image_token_id: imageTokenId,
    video_token_id: qwenId("<|video_pad|>"),
    vision_start_token_id: qwenId("<|vision_start|>"),
    vision_end_token_id: qwenId("<|vision_end|>"),
    tie_word_embeddings: text.tieWordEmbeddings,
    ...TOKEN_IDS,
    text_config: {
      model_type: "qwen2_5_vl_text",
      vocab_size: text.vocabSize,
      hidden_size: text.hiddenSize,
      intermediate_size: text.intermediateSize,
      num_hidden_layers: text.numHiddenLayers,
      num_attention_heads: text.numAttentionHeads,
      num_key_value_heads: text.numKeyValueHeads,
      hidden_act: "silu",
      max_position_embeddings: text.maxPositionEmbeddings,
      rms_norm_eps: text.rmsNormEps,
      rope_theta: text.ropeTheta,
      rope_scaling: { type: "mrope", mrope_section: [...text.ropeSections] },
      use_sliding_window: false,
      tie_word_embeddings: text.tieWordEmbeddings,
      ...TOKEN_IDS,
    },
    vision_config: {
      model_type: "qwen2_5_vl_vision",
      depth: vision.depth,
      hidden_size: vision.hiddenSize,
      intermediate_size: vision.intermediateSize,
      num_heads: vision.numHeads,
      in_channels: 3,
      patch_size: vision.patchSize,
      spatial_merge_size: vision.spatialMergeSize,
      temporal_patch_size: vision.temporalPatchSize,
      window_size: vision.windowSize,
      out_hidden_size: text.hiddenSize,
      fullatt_block_indexes: [...vision.fullAttentionBlocks],
      hidden_act: vision.hiddenAct,
    },
  };
}

/** Every square picture is scaled to {@link SIDE}, and others to about as many pixels. */
export function preprocessorConfig({ vision }: QwenConfig): Record<string, unknown> {
  return {
    image_processor_type: "Qwen2VLImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    min_pixels: SIDE ** 2,
    max_pixels: SIDE ** 2,
    resample: 3,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...PIXEL_MEAN],
    image_std: [...PIXEL_STD],
    patch_size: vision.patchSize,
    merge_size: vision.spatialMergeSize,
    temporal_patch_size: vision.temporalPatchSize,
  };
}
