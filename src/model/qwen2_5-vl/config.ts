import type { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import type { ActivationName } from "../transformer/activations.ts";
import type { TextConfig } from "../transformer/config.ts";
import { withGeneration } from "../transformer/generation.ts";
import { ropeOf } from "../transformer/rope-fields.ts";
import type { VlmConfig } from "../vlm.ts";
import { qwenSchema, textSchema, type visionSchema } from "./schemas.ts";

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
  /** Of the gate of each block's MLP. */
  readonly hiddenAct: ActivationName;
  /** Blocks that attend over everything, ascending; the others inside their windows. */
  readonly fullAttentionBlocks: readonly number[];
}

/** A Qwen2.5-VL model. */
export interface QwenConfig extends VlmConfig {
  readonly vision: QwenVisionConfig;
}

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
  const top = checkSchema(where, json, qwenSchema(json));
  const text = top.text_config ?? checkSchema(where, json, textSchema);
  const parsed = withGeneration(
    where,
    {
      vision: visionOf(top.vision_config),
      text: textOf(where, text, top),
      imageTokenId: top.image_token_id,
    },
    generationConfig,
  );
  requireConsistent(where, parsed, top.vision_config.out_hidden_size);
  const { vision } = parsed;
  return {
    ...parsed,
    family: "qwen2_5_vl",
    facts: {
      layers: parsed.text.numHiddenLayers,
      visionBlocks: vision.depth,
      patchesPerToken: vision.spatialMergeSize ** 2,
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
    hiddenAct: vision.hidden_act,
    fullAttentionBlocks: [...new Set(vision.fullatt_block_indexes)].sort((a, b) => a - b),
  };
}

function textOf(
  where: string,
  text: z.infer<typeof textSchema>,
  top: Pick<z.infer<ReturnType<typeof qwenSchema>>, "tie_word_embeddings">,
): TextConfig {
  const rope = ropeOf(text, 1000000);
  const headDim = text.hidden_size / text.num_attention_heads;
  // Where the file has another one, frequencies and heads would differ in width.
  if ((text.head_dim ?? headDim) !== headDim)
    throw new NuwaError(`${where}: field "head_dim": ${text.head_dim} is not hidden_size / num_attention_heads.`);
  if (!rope.mrope_section)
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
    hiddenAct: text.hidden_act,
    biases: { inputs: true, output: false, mlp: false },
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: rope.rope_theta,
    ropeScaling: rope.scaling,
    ropeSections: rope.mrope_section,
    tieWordEmbeddings: (top.tie_word_embeddings || text.tie_word_embeddings) ?? false,
    maxPositionEmbeddings: text.max_position_embeddings,
    eosTokenIds: [text.eos_token_id ?? 151645].flat(),
  };
}

/** Conditions between fields. */
function requireConsistent(
  where: string,
  { vision, text }: Pick<QwenConfig, "vision" | "text">,
  outHiddenSize: number = text.hiddenSize,
): void {
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
    [
      outHiddenSize === text.hiddenSize,
      `vision_config.out_hidden_size ${outHiddenSize} is not the hidden_size of the language model, ${text.hiddenSize}`,
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
