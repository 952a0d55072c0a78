import { z } from "zod";
import { only } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { ACTIVATION_NAMES } from "../transformer/activations.ts";
import {
  absent,
  epsilon,
  layerTypes,
  positive,
  ropeSchema,
  silu,
  size,
  wholeHeads,
} from "../transformer/config-fields.ts";
import { tokenIds } from "../transformer/generation.ts";
import { CLIP, LLAMA, LLAVA, ORIGINAL } from "../unread-fields.ts";

/*
 * What may stand in the configuration files of a checkpoint, with the defaults that transformers fills
 * in. Fields that would change the model and are not supported are refused by name.
 */

const activation = z.enum(ACTIVATION_NAMES, only(ACTIVATION_NAMES.join(", ")));
const channels = z.literal(3, only("3 channels")).default(3);

/** CLIPVisionConfig with its defaults in transformers. */
export const visionSchema = unread(
  z.object({
    model_type: z.literal("clip_vision_model", only('"clip_vision_model"')).optional(),
    hidden_size: size.default(768),
    intermediate_size: size.default(3072),
    num_hidden_layers: size.max(512).default(12),
    num_attention_heads: size.default(12),
    num_channels: channels,
    image_size: z.union([size, z.tuple([size, size])]).default(224),
    patch_size: size.default(32),
    layer_norm_eps: epsilon.default(1e-5),
    hidden_act: activation.default("quick_gelu"),
    quantization_config: absent("quantisation"),
  }),
  CLIP,
);

/** config.json of a CLIP tower in a folder of its own: the tower's fields, or those of a whole CLIP. */
export const towerSchema = unread(visionSchema.partial().extend({ vision_config: visionSchema.optional() }), [
  ...CLIP,
  ..."text_config text_config_dict vision_config_dict logit_scale_init_value".split(" "),
]);

/** What transformers' LlavaConfig uses when `vision_config` is missing: CLIP ViT-L/14 at 336 pixels. */
const DEFAULT_TOWER = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

const rope = ropeSchema(["default"]);
const decoder = only('"llama" and "mistral"');

/** LlamaConfig with its defaults in transformers. */
export const llamaSchema = unread(
  z.object({
    model_type: z.literal("llama", decoder).optional(),
    vocab_size: size.default(32000),
    hidden_size: size.default(4096),
    intermediate_size: size.default(11008),
    num_hidden_layers: size.max(512).default(32),
    num_attention_heads: size.default(32),
    num_key_value_heads: size.nullish(),
    head_dim: size.nullish(),
    max_position_embeddings: size.default(2048),
    hidden_act: silu,
    rms_norm_eps: epsilon.default(1e-6),
    rope_theta: positive.optional(),
    rope_parameters: rope.nullish(),
    rope_scaling: rope.nullish(),
    partial_rotary_factor: wholeHeads,
    layer_types: layerTypes,
    attention_bias: absent("a bias in the attention"),
    mlp_bias: absent("a bias in the MLP"),
    tie_word_embeddings: z.boolean().default(false),
    eos_token_id: tokenIds.nullish(),
    quantization_config: absent("quantisation"),
  }),
  LLAMA,
);

/** MistralConfig with its defaults in transformers. It computes as Llama while the context fits into its window. */
export const mistralSchema = unread(
  llamaSchema.extend({
    model_type: z.literal("mistral", decoder),
    intermediate_size: size.default(14336),
    num_key_value_heads: size.nullable().default(8),
    max_position_embeddings: size.default(131072),
    sliding_window: z.int().nonnegative().nullable().default(4096),
  }),
  LLAMA,
);

const llavaBase = z.object({
  model_type: z.literal("llava", only('"llava" (LLaVA-1.5)')).default("llava"),
  vision_config: visionSchema.default(() => visionSchema.parse(DEFAULT_TOWER)),
  image_token_index: z.number().int().optional(),
  image_token_id: z.number().int().optional(),
  vision_feature_layer: z.number(only("one layer, as a number")).int().default(-2),
  vision_feature_select_strategy: z.enum(["default", "full"], only('"default" and "full"')).default("default"),
  projector_hidden_act: activation.default("gelu"),
  multimodal_projector_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: tokenIds.nullish(),
  quantization_config: absent("quantisation"),
});

/**
 * Fields of LLaVA's models with the decoder that config.json names.
 *
 * @param config config.json, unchecked
 */
export function llavaFields(config: Readonly<Record<string, unknown>>) {
  const text = config.text_config as { model_type?: unknown } | null | undefined;
  return llavaBase.extend({
    text_config: text?.model_type === "mistral" ? mistralSchema : llamaSchema.default(() => llamaSchema.parse({})),
  });
}

/** config.json of a LLaVA as transformers writes it. */
export function llavaSchema(config: Readonly<Record<string, unknown>>) {
  return unread(
    llavaFields(config).extend({
      image_aspect_ratio: z.enum(["pad", "square", "crop"], only('"pad", "square" and "crop"')).nullish(),
    }),
    LLAVA,
  );
}

/** config.json of the original LLaVA release: a Llama configuration with `mm_` fields in it. */
export const originalSchema = unread(
  llamaSchema.extend({
    model_type: z.enum(["llava_llama", "llava"], only('"llava_llama" and "llava"')),
    mm_projector_type: z.literal("mlp2x_gelu", only('"mlp2x_gelu"')),
    mm_vision_select_layer: z.number().int().default(-2),
    mm_vision_select_feature: z.enum(["patch", "cls_patch"], only('"patch" and "cls_patch"')).default("patch"),
    mm_use_im_start_end: absent("tokens around an image"),
    mm_patch_merge_type: z.literal("flat", only('"flat"')).nullish(),
    image_aspect_ratio: z.enum(["pad", "square"], only('"pad" and "square"')).nullish(),
  }),
  ORIGINAL,
);
