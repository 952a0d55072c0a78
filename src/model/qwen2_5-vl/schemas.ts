import { z } from "zod";
import { only } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import { absent, activation, epsilon, everyDecoder, layerTypes, size, theta } from "../transformer/config-fields.ts";
import { tokenIds } from "../transformer/generation.ts";
import { idleBeside, ropeSchema } from "../transformer/rope-fields.ts";
import { QWEN, QWEN_VISION } from "../unread-fields.ts";

/*
 * What may stand in config.json of a Qwen2.5-VL, with the defaults of transformers' Qwen2_5_VLConfig.
 */

const blocks = size.max(512);
const channels = z.literal(3, only("3 channels")).optional();
const towerTheta = z.literal(10000, only("10000")).optional();
const visionRope = z.object({
  rope_theta: towerTheta,
  rope_type: z.enum(["axial", "default"], only('"axial" and "default"')).optional(),
  type: z.enum(["axial", "default"], only('"axial" and "default"')).optional(),
});

/** The vision tower. */
export const visionSchema = unread(
  z.object({
    depth: blocks.default(32),
    hidden_size: size.default(3584),
    intermediate_size: size.default(3420),
    num_heads: size.default(16),
    in_channels: channels,
    in_chans: channels,
    patch_size: size.default(14),
    spatial_merge_size: size.max(16).default(2),
    temporal_patch_size: size.max(16).default(2),
    window_size: size.default(112),
    out_hidden_size: size.optional(),
    fullatt_block_indexes: z.array(z.number().int().nonnegative()).min(1).max(512).default([7, 15, 23, 31]),
    hidden_act: activation.default("silu"),
    rope_theta: towerTheta,
    rope_parameters: visionRope.nullish(),
    rope_scaling: visionRope.nullish(),
    per_layer_config: absent("settings for single layers"),
  }),
  QWEN_VISION,
);

const rope = ropeSchema(["mrope", "default"]);

/** The language model. */
export const textSchema = unread(
  z.object({
    vocab_size: size.default(152064),
    hidden_size: size.default(8192),
    intermediate_size: size.default(29568),
    num_hidden_layers: blocks.default(80),
    num_attention_heads: size.default(64),
    num_key_value_heads: size.nullable().default(8),
    head_dim: size.nullish(),
    hidden_act: activation.default("silu"),
    max_position_embeddings: size.default(32768),
    rms_norm_eps: epsilon.default(1e-5),
    rope_theta: theta.optional(),
    rope_scaling: rope.nullish(),
    rope_parameters: rope.nullish(),
    original_max_position_embeddings: size.nullish(),
    layer_types: layerTypes,
    use_sliding_window: absent("attention in a sliding window"),
    tie_word_embeddings: z.boolean().optional(),
    eos_token_id: tokenIds.nullish(),
    ...everyDecoder,
  }),
  QWEN,
  idleBeside,
);

const nested = unread(
  z.object({
    model_type: z.literal("qwen2_5_vl", only('"qwen2_5_vl"')),
    image_token_id: z.number().int().default(151655),
    vision_config: visionSchema.default(() => visionSchema.parse({})),
    text_config: textSchema.optional(),
    tie_word_embeddings: z.boolean().optional(),
    quantization_config: absent("quantisation"),
  }),
  // Beside text_config, transformers reads none of the text's fields.
  [...QWEN, "eos_token_id"],
);
const flat = unread(nested.extend(textSchema.shape), QWEN, idleBeside);

/** config.json: the text's fields stand in `text_config`, or beside the others, as on the hub. */
export function qwenSchema(config: Readonly<Record<string, unknown>>) {
  return config.text_config === undefined ? flat : nested;
}
