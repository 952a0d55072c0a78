import { z } from "zod";
import { only } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import {
  absent,
  activation,
  epsilon,
  everyDecoder,
  layerTypes,
  size,
  theta,
  wholeHeads,
} from "../transformer/config-fields.ts";
import { tokenIds } from "../transformer/generation.ts";
import { idleBeside, ropeSchema } from "../transformer/rope-fields.ts";
import { CLIP, LLAMA, LLAVA, ORIGINAL, QWEN2, SIGLIP } from "../unread-fields.ts";

/*
 * What may stand in the configuration files of a checkpoint, with the defaults that transformers fills
 * in. Fields that would change the model and are not supported are refused by name.
 */

const tower = only('"clip_vision_model" and "siglip_vision_model"');
const channels = z.literal(3, only("3 channels")).default(3);

/** Pixels of a side, and patches; larger pictures are none that a tower of one grid sees. */
const side = size.max(16384);
const sides = (standard: number) => z.union([side, z.tuple([side, side])]).default(standard);

/** CLIPVisionConfig with its defaults in transformers. */
export const visionSchema = unread(
  z.object({
    model_type: z.literal("clip_vision_model", tower).optional(),
    hidden_size: size.default(768),
    intermediate_size: size.default(3072),
    num_hidden_layers: size.max(512).default(12),
    num_attention_heads: size.default(12),
    num_channels: channels,
    image_size: sides(224),
    patch_size: sides(32),
    layer_norm_eps: epsilon.default(1e-5),
    hidden_act: activation.default("quick_gelu"),
    per_layer_config: absent("settings for single layers"),
    quantization_config: absent("quantisation"),
  }),
  CLIP,
);

/** SiglipVisionConfig with its defaults in transformers. */
const siglipSchema = unread(
  visionSchema.extend({
    model_type: z.literal("siglip_vision_model", tower),
    patch_size: sides(16),
    layer_norm_eps: epsilon.default(1e-6),
    hidden_act: activation.default("gelu_pytorch_tanh"),
  }),
  SIGLIP,
);

/** What may stand in `vision_config`. */
export type VisionFields = z.infer<typeof visionSchema> | z.infer<typeof siglipSchema>;

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
const decoder = only('"llama", "mistral" and "qwen2"');

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
    hidden_act: activation.default("silu"),
    rms_norm_eps: epsilon.default(1e-6),
    rope_theta: theta.optional(),
    rope_parameters: rope.nullish(),
    rope_scaling: rope.nullish(),
    original_max_position_embeddings: size.nullish(),
    partial_rotary_factor: wholeHeads,
    layer_types: layerTypes,
    attention_bias: z.boolean().nullish(),
    mlp_bias: z.boolean().nullish(),
    tie_word_embeddings: z.boolean().default(false),
    eos_token_id: tokenIds.nullish(),
    ...everyDecoder,
  }),
  LLAMA,
  idleBeside,
);

/** MistralConfig with its defaults in transformers. Its layers have no biases, whatever the file says. */
const mistralSchema = unread(
  llamaSchema.extend({
    model_type: z.literal("mistral", decoder),
    intermediate_size: size.default(14336),
    num_key_value_heads: size.nullable().default(8),
    max_position_embeddings: size.default(131072),
    // With a window of one token, transformers' cache keeps other tokens than its prompt pass sees.
    sliding_window: size.min(2).nullable().default(4096),
    attention_bias: absent("a bias in the attention"),
    mlp_bias: absent("a bias in the MLP"),
  }),
  LLAMA,
  idleBeside,
);

/** Fields that say which layers of Qwen2 attend in a window. */
interface WindowFields {
  readonly use_sliding_window?: boolean | null;
  readonly sliding_window: number | null;
  readonly layer_types?: readonly string[] | null;
  readonly num_hidden_layers: number;
}

const LAYER_TYPES = ["full_attention", "sliding_attention"] as const;

/** Qwen2Config with its defaults in transformers. Queries, keys and values always have a bias, nothing else has. */
const qwen2Schema = unread(
  llamaSchema
    .omit({ attention_bias: true, mlp_bias: true })
    .extend({
      model_type: z.literal("qwen2", decoder),
      vocab_size: size.default(151936),
      intermediate_size: size.default(22016),
      num_key_value_heads: size.nullable().default(32),
      max_position_embeddings: size.default(32768),
      use_sliding_window: z.boolean().nullish(),
      sliding_window: z.number().int().nullable().default(4096),
      max_window_layers: z.number().int().default(28),
      layer_types: z.array(z.enum(LAYER_TYPES, only('"full_attention" and "sliding_attention"'))).nullish(),
    })
    .superRefine((fields, context) => {
      const problem = windowProblem(fields);
      if (problem) context.addIssue({ code: "custom", path: [problem[0]], message: problem[1] });
    }),
  QWEN2,
  (fields) => [
    ...idleBeside(fields),
    ...(fields.use_sliding_window ? [] : ["sliding_window"]),
    ...(fields.use_sliding_window && !fields.layer_types ? [] : ["max_window_layers"]),
  ],
);

/** Which of Qwen2's fields that say where its window is do not fit together, and why. */
function windowProblem(fields: WindowFields): [field: keyof WindowFields, problem: string] | undefined {
  const { use_sliding_window: uses, sliding_window: window, layer_types: types, num_hidden_layers: layers } = fields;
  // As with Mistral's.
  if (uses && window !== null && window < 2)
    return ["sliding_window", `${window} is not supported, only null and integers from 2 on`];
  if (types && types.length !== layers)
    return ["layer_types", `has ${types.length} entries for ${layers} layers of num_hidden_layers`];
  if (types?.includes("sliding_attention") && !(uses && window !== null))
    return ["layer_types", '"sliding_attention" needs use_sliding_window and a sliding_window'];
  return undefined;
}

/** What may stand in `text_config`, or at the top of original LLaVA's config.json. */
export type TextFields = Omit<z.infer<typeof llamaSchema>, "model_type" | "layer_types"> & {
  readonly model_type?: string;
  readonly sliding_window?: number | null;
  readonly layer_types?: readonly string[] | null;
  readonly use_sliding_window?: boolean | null;
  readonly max_window_layers?: number;
};

const llavaBase = z.object({
  model_type: z.literal("llava", only('"llava" (LLaVA-1.5)')).default("llava"),
  image_token_index: z.number().int().optional(),
  image_token_id: z.number().int().optional(),
  vision_feature_layer: z.union([z.int(), z.array(z.int()).min(1).max(512)]).default(-2),
  vision_feature_select_strategy: z.enum(["default", "full"], only('"default" and "full"')).default("default"),
  projector_hidden_act: activation.default("gelu"),
  multimodal_projector_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: tokenIds.nullish(),
  quantization_config: absent("quantisation"),
});

/**
 * Fields of LLaVA's models with the tower and the decoder that config.json names.
 *
 * @param config config.json, unchecked
 */
export function llavaFields(config: Readonly<Record<string, unknown>>) {
  const named = (part: string) => (config[part] as { model_type?: unknown } | null | undefined)?.model_type;
  const [vision, text] = [named("vision_config"), named("text_config")];
  return llavaBase.extend({
    vision_config:
      vision === "siglip_vision_model" ? siglipSchema : visionSchema.default(() => visionSchema.parse(DEFAULT_TOWER)),
    text_config:
      text === "mistral"
        ? mistralSchema
        : text === "qwen2"
          ? qwen2Schema
          : llamaSchema.default(() => llamaSchema.parse({})),
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
  idleBeside,
);
