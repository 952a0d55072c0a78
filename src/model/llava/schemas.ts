import { z } from "zod";
import { ACTIVATION_NAMES } from "../transformer/activations.ts";
import { tokenIds } from "../transformer/generation.ts";

/*
 * What may stand in the configuration files of a checkpoint, with the defaults that transformers fills
 * in. Fields that would change the model and are not supported are refused by name.
 */

const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);
const positive = z.number().positive().finite();
const epsilon = positive.max(1, { message: "must be a small number, at most 1" });
const activation = z.enum(ACTIVATION_NAMES);
const absent = (what: string) => z.literal([null, false], { message: `${what} is not supported` }).optional();

/** CLIPVisionConfig with its defaults in transformers. */
export const visionSchema = z.object({
  model_type: z.enum(["clip_vision_model"], { message: "only clip_vision_model is supported" }).optional(),
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: size.max(512).default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3, { message: "only 3 channels are supported" }).default(3),
  image_size: z.union([size, z.tuple([size, size])]).default(224),
  patch_size: size.default(32),
  layer_norm_eps: epsilon.default(1e-5),
  hidden_act: activation.default("quick_gelu"),
});

/** What transformers' LlavaConfig uses when `vision_config` is missing: CLIP ViT-L/14 at 336 pixels. */
const DEFAULT_TOWER = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

const ropeType = z.literal("default", { message: 'only the type "default" is supported' });
const ropeParameters = z.object({
  rope_theta: positive.optional(),
  rope_type: ropeType.optional(),
  type: ropeType.optional(),
  factor: z.literal(1, { message: "stretched positions are not supported" }).nullish(),
  partial_rotary_factor: z.literal(1, { message: "rotating a part of each head is not supported" }).nullish(),
});
/** LlamaConfig with its defaults in transformers. */
export const textSchema = z.object({
  model_type: z.enum(["llama"], { message: "only llama is supported" }).optional(),
  vocab_size: size.default(32000),
  hidden_size: size.default(4096),
  intermediate_size: size.default(11008),
  num_hidden_layers: size.max(512).default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size.default(2048),
  hidden_act: z.literal("silu", { message: "only silu is supported" }).default("silu"),
  rms_norm_eps: epsilon.default(1e-6),
  rope_theta: positive.optional(),
  rope_parameters: ropeParameters.nullish(),
  rope_scaling: ropeParameters.nullish(),
  attention_bias: absent("a bias in the attention"),
  mlp_bias: absent("a bias in the MLP"),
  tie_word_embeddings: z.boolean().default(false),
  eos_token_id: tokenIds.nullish(),
  quantization_config: absent("quantisation"),
});

/** config.json of a LLaVA as transformers writes it. */
export const llavaSchema = z.object({
  model_type: z.enum(["llava"], { message: "only llava (LLaVA-1.5) is supported" }).default("llava"),
  vision_config: visionSchema.default(() => visionSchema.parse(DEFAULT_TOWER)),
  text_config: textSchema.default(() => textSchema.parse({})),
  image_token_index: z.number().int().optional(),
  image_token_id: z.number().int().optional(),
  vision_feature_layer: z.number({ message: "must be one layer; lists are not supported" }).int().default(-2),
  vision_feature_select_strategy: z.enum(["default", "full"]).default("default"),
  projector_hidden_act: activation.default("gelu"),
  multimodal_projector_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().optional(),
  image_aspect_ratio: z.enum(["pad", "square", "crop"]).nullish(),
  quantization_config: absent("quantisation"),
});

/** config.json of the original LLaVA release: a Llama configuration with `mm_` fields in it. */
export const originalSchema = textSchema.extend({
  model_type: z.enum(["llava_llama", "llava"]),
  mm_projector_type: z.literal("mlp2x_gelu", { message: "only mlp2x_gelu is supported" }),
  mm_vision_select_layer: z.number().int().default(-2),
  mm_vision_select_feature: z.enum(["patch", "cls_patch"]).default("patch"),
  image_aspect_ratio: z.enum(["pad", "square"], { message: "only pad and square are supported" }).nullish(),
});
