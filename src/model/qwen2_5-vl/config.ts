import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import type { TextConfig } from "../transformer/config.ts";
import { tokenIds, withGeneration } from "../transformer/generation.ts";
import type { VlmConfig } from "../vlm.ts";

/** The vision tower. Field names follow transformers' Qwen2_5_VLVisionConfig. */
export interface QwenVisionConfig {
  /** Blocks. */
  readonly depth: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHeads: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Patches on each side of a cell, which becomes one visual token. */
  readonly spatialMergeSize: number;
  /** How many times a picture stands in a patch, one after the other. */
  readonly temporalPatchSize: number;
  /** Side of a window of attention in pixels. */
  readonly windowSize: number;
  /** Blocks that attend over everything; the others inside their windows. */
  readonly fullAttentionBlocks: readonly number[];
}

/** A Qwen2.5-VL model. */
export interface QwenConfig extends VlmConfig {
  readonly vision: QwenVisionConfig;
}

const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 24);
const blocks = size.max(512);
const silu = z.literal("silu", { message: "only silu is supported" }).default("silu");
const never = (what: string) => z.literal([null, false], { message: `${what} is not supported` }).optional();

const visionSchema = z.object({
  depth: blocks.default(32),
  hidden_size: size.default(3584),
  intermediate_size: size.default(3420),
  num_heads: size.default(16),
  in_channels: z.literal(3, { message: "only 3 channels are supported" }).optional(),
  in_chans: z.literal(3, { message: "only 3 channels are supported" }).optional(),
  patch_size: size.default(14),
  spatial_merge_size: size.max(16).default(2),
  temporal_patch_size: size.max(16).default(2),
  window_size: size.default(112),
  out_hidden_size: size.optional(),
  fullatt_block_indexes: z.array(z.number().int().nonnegative()).min(1).default([7, 15, 23, 31]),
  hidden_act: silu,
});

const rope = z.object({
  rope_theta: z.number().positive().optional(),
  type: z.enum(["mrope", "default"], { message: 'only the types "mrope" and "default" are supported' }).optional(),
  rope_type: z.enum(["mrope", "default"], { message: 'only the types "mrope" and "default" are supported' }).optional(),
  mrope_section: z.tuple([size, size, size]).optional(),
});

const textSchema = z.object({
  vocab_size: size.default(152064),
  hidden_size: size.default(8192),
  intermediate_size: size.default(29568),
  num_hidden_layers: blocks.default(80),
  num_attention_heads: size.default(64),
  num_key_value_heads: size.nullish(),
  hidden_act: silu,
  max_position_embeddings: size.default(32768),
  rms_norm_eps: z.number().positive().max(1).default(1e-5),
  rope_theta: z.number().positive().optional(),
  rope_scaling: rope.nullish(),
  rope_parameters: rope.nullish(),
  use_sliding_window: never("attention in a sliding window"),
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: tokenIds.nullish(),
  quantization_config: never("quantisation"),
});

const schema = z.object({
  model_type: z.literal("qwen2_5_vl"),
  image_token_id: z.number().int().default(151655),
  vision_config: visionSchema.default(() => visionSchema.parse({})),
  text_config: textSchema.optional(),
  tie_word_embeddings: z.boolean().optional(),
  quantization_config: never("quantisation"),
});

/** What Qwen2.5-VL offers to methods. Tokens are not merged in its tower: windows and the merger need every patch. */
export const CAPABILITIES = ["class-attention", "key-norms", "tower-blocks"] as const;

/**
 * Reads config.json of a Qwen2.5-VL checkpoint. The text's fields stand in `text_config`, or beside the others, as on
 * the hub.
 *
 * @param where the path to name in errors
 * @throws NuwaError naming file and field
 */
export function parseConfig(
  where: string,
  json: Record<string, unknown>,
  generationConfig: Record<string, unknown> = {},
): QwenConfig {
  const top = checkSchema(where, json, schema);
  const text = top.text_config ?? checkSchema(where, json, textSchema);
  const parsed = withGeneration(
    where,
    {
      vision: visionOf(top.vision_config),
      text: textOf(where, text, top.tie_word_embeddings),
      imageTokenId: top.image_token_id,
    },
    generationConfig,
  );
  requireConsistent(where, parsed);
  const { vision } = parsed;
  return {
    ...parsed,
    family: "qwen2_5_vl",
    facts: {
      layers: parsed.text.numHiddenLayers,
      visionBlocks: vision.depth,
      featureBlocks: vision.depth,
      capabilities: CAPABILITIES,
    },
    imageShape: undefined,
  };
}

function visionOf(vision: z.infer<typeof visionSchema>): QwenVisionConfig {
  return {
    depth: vision.depth,
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    numHeads: vision.num_heads,
    patchSize: vision.patch_size,
    spatialMergeSize: vision.spatial_merge_size,
    temporalPatchSize: vision.temporal_patch_size,
    windowSize: vision.window_size,
    fullAttentionBlocks: vision.fullatt_block_indexes,
  };
}

function textOf(where: string, text: z.infer<typeof textSchema>, tied: boolean | undefined): TextConfig {
  const turning = text.rope_parameters ?? text.rope_scaling;
  const headDim = text.hidden_size / text.num_attention_heads;
  if (!turning?.mrope_section)
    throw new NuwaError(
      `${where}: field "mrope_section": is missing. It says which pairs turn with time, row and column.`,
    );
  return {
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    numHiddenLayers: text.num_hidden_layers,
    numAttentionHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: turning.rope_theta ?? text.rope_theta ?? 1000000,
    ropeSections: turning.mrope_section,
    tieWordEmbeddings: tied ?? text.tie_word_embeddings ?? false,
    maxPositionEmbeddings: text.max_position_embeddings,
    eosTokenIds: [text.eos_token_id ?? 151645].flat(),
  };
}

/** Conditions between fields. */
function requireConsistent(where: string, { vision, text }: Pick<QwenConfig, "vision" | "text">): void {
  const pairs = text.ropeSections.reduce((sum, own) => sum + own, 0);
  const cell = vision.patchSize * vision.spatialMergeSize;
  const conditions: readonly (readonly [holds: boolean, problem: string])[] = [
    [
      vision.hiddenSize % vision.numHeads === 0 && (vision.hiddenSize / vision.numHeads) % 4 === 0,
      `vision hidden_size ${vision.hiddenSize} is not ${vision.numHeads} heads of a multiple of 4 channels`,
    ],
    [
      text.hiddenSize % text.numAttentionHeads === 0 && text.numAttentionHeads % text.numKeyValueHeads === 0,
      `hidden_size ${text.hiddenSize}, num_attention_heads ${text.numAttentionHeads} and num_key_value_heads ` +
        `${text.numKeyValueHeads} do not divide one another`,
    ],
    [2 * pairs === text.headDim, `mrope_section has ${pairs} pairs, but a head has ${text.headDim / 2}`],
    [vision.windowSize % cell === 0, `window_size ${vision.windowSize} is not a multiple of ${cell} pixels`],
    [
      vision.fullAttentionBlocks.every((block) => block < vision.depth),
      `fullatt_block_indexes [${vision.fullAttentionBlocks}] lie outside the ${vision.depth} blocks`,
    ],
  ];
  const broken = conditions.find(([holds]) => !holds);
  if (broken) throw new NuwaError(`${where}: ${broken[1]}.`);
}
