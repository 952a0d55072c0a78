import { join } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import { writeAtomically } from "../../io/files.ts";
import { float32ToFloat16 } from "../../io/half-floats.ts";
import { writeSafetensors } from "../../io/safetensors.ts";
import type { LlavaConfig } from "../../model/llava/config.ts";
import { tensorShapes } from "../../model/llava/tensor-shapes.ts";
import { isLinearWeight } from "../../model/weights.ts";
import { PIXEL_MEAN, PIXEL_STD } from "./pictures.ts";
import { specialId, tokenizerConfig, tokenizerJson } from "./tokens.ts";

/**
 * Writes a model as a Hugging Face LLaVA folder, which this project and transformers load: config.json,
 * generation_config.json, model.safetensors (float16, canonical names, linear weights [out, in]),
 * tokenizer.json, tokenizer_config.json, preprocessor_config.json and processor_config.json.
 *
 * @param tensors by canonical name, linear weights [in, out]; others, such as pretraining heads, are left out
 * @throws NuwaError when a weight is missing or a file cannot be written
 */
export async function exportModel(
  folder: string,
  config: LlavaConfig,
  tensors: ReadonlyMap<string, tf.Tensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const entries: [string, { shape: readonly number[]; values: Uint16Array }][] = [];
  const add = (name: string, shape: readonly number[], values: Float32Array) =>
    entries.push([name, { shape, values: float32ToFloat16(values) }]);
  for (const [name, shape] of tensorShapes(config)) {
    const tensor = tensors.get(name);
    if (!tensor) throw new NuwaError(`${folder}: the weight ${name} is missing; nothing was written.`);
    const onDisk = isLinearWeight(name, shape) ? tensor.transpose() : tensor.clone();
    add(name, shape, (await onDisk.data()) as Float32Array);
    onDisk.dispose();
  }
  // CLIP has one more norm, behind the hidden states; LLaVA never computes it, but transformers asks for it.
  const width = config.vision.hiddenSize;
  const norm = "vision_tower.vision_model.post_layernorm";
  add(`${norm}.weight`, [width], new Float32Array(width).fill(1));
  add(`${norm}.bias`, [width], new Float32Array(width));

  const json = (name: string, value: unknown) =>
    writeAtomically(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
  json("tokenizer.json", tokenizerJson());
  json("tokenizer_config.json", tokenizerConfig());
  json("preprocessor_config.json", preprocessorConfig(config));
  json("processor_config.json", processorConfig(config));
  json("generation_config.json", generationConfig());
  writeSafetensors(join(folder, "model.safetensors"), entries, { format: "pt", ...metadata });
  // Last, because a folder without it is not taken for a model.
  json("config.json", modelConfig(config));
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
    dtype: "float16",
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

function generationConfig(): Record<string, unknown> {
  return { ...TOKEN_IDS, do_sample: false, max_new_tokens: 16 };
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
