import type { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema } from "../../core/schema.ts";
import { type ImageShape, rasterShape } from "../image-shape.ts";
import type { ActivationName } from "../transformer/activations.ts";
import type { TextConfig } from "../transformer/config.ts";
import { ropeOf } from "../transformer/config-fields.ts";
import { beside, withGeneration } from "../transformer/generation.ts";
import type { ModelFacts, VlmConfig } from "../vlm.ts";
import { type llamaSchema, type llavaFields, llavaSchema, originalSchema, visionSchema } from "./schemas.ts";

/** The CLIP vision tower. Field names follow transformers' CLIPVisionConfig. */
export interface VisionConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  /** [height, width] in pixels; transformers writes a single number for a square. */
  readonly imageSize: readonly [number, number];
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: ActivationName;
}

/** A LLaVA model: everything that the forward pass may not guess. */
export interface LlavaConfig extends VlmConfig {
  readonly vision: VisionConfig;
  /** Index into hidden_states[0..L], negative from the end; −2 in LLaVA-1.5. */
  readonly visionFeatureLayer: number;
  /** "default" drops the class token, "full" keeps it in front. */
  readonly visionFeatureSelectStrategy: "default" | "full";
  readonly projectorHiddenAct: ActivationName;
  readonly projectorBias: boolean;
  readonly imageShape: ImageShape;
  /** Whether images are padded to the tower's aspect ratio (original LLaVA-1.5) or cropped (CLIP). */
  readonly padImages: boolean;
}

/**
 * Reads a model configuration from the JSON files of a checkpoint, with the defaults that transformers
 * fills in. What is not supported is refused by name, so that no model is silently run wrong.
 *
 * @param where the path to name in errors
 * @param config config.json
 * @param generationConfig generation_config.json or `{}`; its `eos_token_id` goes first
 * @param towerConfig config.json of a CLIP tower in a folder of its own (original LLaVA)
 * @throws NuwaError naming file and field
 */
export function parseConfig(
  where: string,
  config: Record<string, unknown>,
  generationConfig: Record<string, unknown> = {},
  towerConfig?: Record<string, unknown>,
): LlavaConfig {
  const parsed = "mm_projector_type" in config ? parseOriginal(where, config, towerConfig) : parseLlava(where, config);
  const checked = checkConsistency(where, withGeneration(where, parsed, generationConfig));
  return { ...checked, family: "llava", facts: factsOf(checked, CAPABILITIES), imageShape: imageShapeOf(checked) };
}

/** What LLaVA-1.5 offers to methods. */
export const CAPABILITIES = ["class-attention", "key-norms", "tower-blocks", "merging"] as const;

/** One grid of one size for every image; its tokens have consecutive ids, the class token first where it stays. */
function imageShapeOf({ vision, visionFeatureSelectStrategy }: Parsed): ImageShape {
  const [rows, columns] = vision.imageSize.map((side) => side / vision.patchSize);
  return rasterShape({ rows, columns }, visionFeatureSelectStrategy === "full" ? 1 : 0);
}

/** The sizes that pruning methods are made for. */
export function factsOf(
  { vision, text, visionFeatureLayer }: Pick<LlavaConfig, "vision" | "text" | "visionFeatureLayer">,
  capabilities: ModelFacts["capabilities"],
): ModelFacts {
  // vision_feature_layer counts hidden states, of which there is one more than blocks.
  const states = vision.numHiddenLayers + 1;
  return {
    layers: text.numHiddenLayers,
    visionBlocks: vision.numHiddenLayers,
    featureBlocks: (visionFeatureLayer + states) % states,
    capabilities,
  };
}

/** Everything but what follows from it. */
type Parsed = Omit<LlavaConfig, "family" | "facts" | "imageShape">;

function parseLlava(where: string, config: Record<string, unknown>): Parsed {
  const llava = checkSchema(where, config, llavaSchema(config));
  return {
    ...partsOf(where, llava),
    visionFeatureSelectStrategy: llava.vision_feature_select_strategy,
    padImages: llava.image_aspect_ratio === "pad",
  };
}

/** Tower, projector and decoder, which LLaVA-1.5 and LLaVA-NeXT share. */
export function partsOf(where: string, llava: Omit<z.infer<ReturnType<typeof llavaFields>>, "model_type">) {
  const { text_config: text } = llava;
  if ("sliding_window" in text) requireWholeContext(where, text.sliding_window, text.max_position_embeddings);
  return {
    vision: visionConfig(llava.vision_config),
    text: textConfig({
      ...text,
      tie_word_embeddings: llava.tie_word_embeddings || text.tie_word_embeddings,
      eos_token_id: llava.eos_token_id ?? text.eos_token_id,
    }),
    imageTokenId: llava.image_token_id ?? llava.image_token_index ?? 32000,
    visionFeatureLayer: llava.vision_feature_layer,
    projectorHiddenAct: llava.projector_hidden_act,
    projectorBias: llava.multimodal_projector_bias,
  };
}

/** @throws NuwaError when Mistral's layers would see less than the whole context */
function requireWholeContext(where: string, window: number | null, context: number): void {
  if (window !== null && window < context)
    throw new NuwaError(
      `${where}: field "text_config.sliding_window": ${window} is not supported, only null or a window of at least ` +
        `max_position_embeddings, ${context}.`,
    );
}

function parseOriginal(where: string, config: Record<string, unknown>, towerConfig?: Record<string, unknown>): Parsed {
  const original = checkSchema(where, config, originalSchema);
  if (!towerConfig) {
    throw new NuwaError(
      `${where}: field "mm_vision_tower": the CLIP tower is kept elsewhere. Put its config.json and ` +
        "model.safetensors into the subfolder vision_tower/.",
    );
  }
  const tower = towerConfig.vision_config ?? towerConfig;
  return {
    vision: visionConfig(checkSchema(beside(where, "vision_tower/config.json"), tower, visionSchema)),
    text: textConfig(original),
    imageTokenId: -200,
    visionFeatureLayer: original.mm_vision_select_layer,
    visionFeatureSelectStrategy: original.mm_vision_select_feature === "patch" ? "default" : "full",
    projectorHiddenAct: "gelu",
    projectorBias: true,
    padImages: original.image_aspect_ratio === "pad",
  };
}

function visionConfig(vision: z.infer<typeof visionSchema>): VisionConfig {
  const { image_size: image } = vision;
  return {
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    numHiddenLayers: vision.num_hidden_layers,
    numAttentionHeads: vision.num_attention_heads,
    imageSize: typeof image === "number" ? [image, image] : image,
    patchSize: vision.patch_size,
    layerNormEps: vision.layer_norm_eps,
    hiddenAct: vision.hidden_act,
  };
}

function textConfig(text: Omit<z.infer<typeof llamaSchema>, "model_type">): TextConfig {
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads;
  return {
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    numHiddenLayers: text.num_hidden_layers,
    numAttentionHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim,
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: ropeOf(text, 10000).rope_theta,
    ropeSections: [headDim / 2],
    tieWordEmbeddings: text.tie_word_embeddings,
    maxPositionEmbeddings: text.max_position_embeddings,
    eosTokenIds: [text.eos_token_id ?? 2].flat(),
  };
}

/** Conditions between fields of a CLIP tower and a Llama decoder. @throws NuwaError naming what is broken */
export function checkConsistency<C extends Pick<LlavaConfig, "vision" | "text" | "visionFeatureLayer">>(
  where: string,
  config: C,
): C {
  const { vision, text } = config;
  const layers = vision.numHiddenLayers;
  const conditions: readonly (readonly [holds: boolean, problem: string])[] = [
    [
      vision.imageSize.every((side) => side % vision.patchSize === 0),
      `image_size [${vision.imageSize}] is not a multiple of patch_size ${vision.patchSize}`,
    ],
    [
      vision.hiddenSize % vision.numAttentionHeads === 0,
      `vision hidden_size ${vision.hiddenSize} is not divisible by num_attention_heads ${vision.numAttentionHeads}`,
    ],
    [
      Number.isInteger(text.headDim) && text.headDim % 2 === 0,
      `text head_dim ${text.headDim} is not an even integer, which rotary positions need`,
    ],
    [
      text.numAttentionHeads % text.numKeyValueHeads === 0,
      `num_attention_heads ${text.numAttentionHeads} is not divisible by num_key_value_heads ${text.numKeyValueHeads}`,
    ],
    [
      config.visionFeatureLayer >= -layers - 1 && config.visionFeatureLayer <= layers,
      `vision_feature_layer ${config.visionFeatureLayer} lies outside the ${layers + 1} hidden states`,
    ],
  ];
  const broken = conditions.find(([holds]) => !holds);
  if (broken) throw new NuwaError(`${where}: ${broken[1]}.`);
  return config;
}
