import type { LlavaConfig } from "../../model/llava/config.ts";
import { specialId, tokenizerConfig, tokenizerJson } from "./llava-tokens.ts";
import { PIXEL_MEAN, PIXEL_STD } from "./pictures.ts";

/** The files of a Hugging Face LLaVA folder but the weights, by name. */
export function llavaFiles(config: LlavaConfig): Record<string, unknown> {
  return {
    "tokenizer.json": tokenizerJson(),
    "tokenizer_config.json": tokenizerConfig(),
    "preprocessor_config.json": preprocessorConfig(config),
    "processor_config.json": processorConfig(config),
    "generation_config.json": { ...TOKEN_IDS, do_sample: false, max_new_tokens: 16 },
    "config.json": modelConfig(config),
  };
}

const TOKEN_IDS = {
  bos_token_id: specialId("<s>"),
  eos_token_id: specialId("</s>"),
  pad_token_id: specialId("<pad>"),
};

function modelConfig(config: LlavaConfig): Record<string, unknown> {
  const { vision, text } = config;
  return {
    architectures: ["LlavaForConditionalGeneration"],
    model_type: "llava",
    dtype: "float32",
    nuwa_note: "trained on drawn scenes of shapes; it knows no photographs",
    image_token_index: config.imageTokenId,
    image_seq_length: patchesOf(config),
    projector_hidden_act: config.projectorHiddenAct,
    multimodal_projector_bias: config.projectorBias,
    vision_feature_layer: config.visionFeatureLayer,
    vision_feature_select_strategy: config.visionFeatureSelectStrategy,
    tie_word_embeddings: text.tieWordEmbeddings,
    ...TOKEN_IDS,
    text_config: {
      model_type: "llama",
      vocab_size: text.vocabSize,
      hidden_size: text.hiddenSize,
      intermediate_size: text.intermediateSize,
      num_hidden_layers: text.numHiddenLayers,
      num_attention_heads: text.numAttentionHeads,
      num_key_value_heads: text.numKeyValueHeads,
      head_dim: text.headDim,
      hidden_act: "silu",
      max_position_embeddings: 1024,
      rms_norm_eps: text.rmsNormEps,
      rope_theta: text.ropeTheta,
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: text.tieWordEmbeddings,
      ...TOKEN_IDS,
    },
    vision_config: {
      model_type: "clip_vision_model",
      hidden_size: vision.hiddenSize,
      intermediate_size: vision.intermediateSize,
      num_hidden_layers: vision.numHiddenLayers,
      num_attention_heads: vision.numAttentionHeads,
      num_channels: 3,
      image_size: vision.imageSize[0],
      patch_size: vision.patchSize,
      layer_norm_eps: vision.layerNormEps,
      hidden_act: vision.hiddenAct,
      projection_dim: vision.hiddenSize,
    },
  };
}

function patchesOf({ vision: { imageSize, patchSize } }: LlavaConfig): number {
  return (imageSize[0] / patchSize) * (imageSize[1] / patchSize);
}

function preprocessorConfig({ vision: { imageSize } }: LlavaConfig): Record<string, unknown> {
  const [height, width] = imageSize;
  return {
    image_processor_type: "CLIPImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { shortest_edge: Math.min(height, width) },
    resample: 3,
    do_center_crop: true,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...PIXEL_MEAN],
    image_std: [...PIXEL_STD],
  };
}

function processorConfig({ vision, visionFeatureSelectStrategy }: LlavaConfig): Record<string, unknown> {
  return {
    processor_class: "LlavaProcessor",
    image_token: "<image>",
    num_additional_image_tokens: 1,
    patch_size: vision.patchSize,
    vision_feature_select_strategy: visionFeatureSelectStrategy,
  };
}
