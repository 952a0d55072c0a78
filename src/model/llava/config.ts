import type { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import type { Grid } from "../../core/grid.ts";
import { checkSchema } from "../../core/schema.ts";
import { type ImageShape, rasterShape } from "../image-shape.ts";
import type { ActivationName } from "../transformer/activations.ts";
import { beside, withGeneration } from "../transformer/generation.ts";
import type { Capability, ModelFacts, VlmConfig } from "../vlm.ts";
import { type llavaFields, llavaSchema, originalSchema, type VisionFields, visionSchema } from "./schemas.ts";
import { textConfig } from "./text-config.ts";

/** The vision tower. Field names follow transformers' CLIPVisionConfig and SiglipVisionConfig. */
export interface VisionConfig {
  /**
   * - `clip`: a class token before the patches, a norm before the first block;
   * - `siglip`: neither, and a bias where patches are embedded.
   */
  readonly kind: "clip" | "siglip";
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  /** [height, width] in pixels; transformers writes a single number for a square. */
  readonly imageSize: readonly [number, number];
  /** Side of a patch in pixels. Where an image is no multiple of it, the last rows and columns of pixels are unseen. */
  readonly patchSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: ActivationName;
}

/** A LLaVA model: everything that the forward pass may not guess. */
export interface LlavaConfig extends VlmConfig {
  readonly vision: VisionConfig;
  /**
   * Index into hidden_states[0..L], negative from the end; −2 in LLaVA-1.5. Of several layers the states stand side by
   * side in the features.
   */
  readonly visionFeatureLayer: number | readonly number[];
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
  requireSelection(where, checked);
  // Tokens merged on the way would leave states of different lengths, which cannot stand side by side.
  const offered = CAPABILITIES.filter((one) => one !== "merging" || featureStates(checked).length === 1);
  return { ...checked, family: "llava", facts: factsOf(checked, offered), imageShape: imageShapeOf(checked) };
}

/** What LLaVA-1.5 offers to methods; without `merging` where features are made of several layers. */
export const CAPABILITIES: readonly Capability[] = ["class-attention", "key-norms", "tower-blocks", "merging"];

/** @throws NuwaError when the strategy would drop a patch, for want of a class token */
function requireSelection(where: string, { vision, visionFeatureSelectStrategy }: Parsed): void {
  if (classTokens(vision) === 0 && visionFeatureSelectStrategy !== "full")
    throw new NuwaError(
      `${where}: field "vision_feature_select_strategy": "default" is not supported with a SigLIP tower, only ` +
        '"full": it has no class token, and the first patch would be dropped.',
    );
}

/** Class tokens of a tower, which stand before the patches: 1 or 0. */
export function classTokens({ kind }: Pick<VisionConfig, "kind">): number {
  return kind === "clip" ? 1 : 0;
}

/** The patches that a tower sees of an image. */
export function patchGrid({ imageSize, patchSize }: Pick<VisionConfig, "imageSize" | "patchSize">): Grid {
  const [rows, columns] = imageSize.map((side) => Math.floor(side / patchSize));
  return { rows, columns };
}

/** The hidden states that `vision_feature_layer` names, from 0, in its order. */
export function featureStates({
  vision,
  visionFeatureLayer,
}: {
  readonly vision: Pick<VisionConfig, "numHiddenLayers">;
  readonly visionFeatureLayer: LlavaConfig["visionFeatureLayer"];
}): number[] {
  // It counts hidden states, of which there is one more than blocks; block i makes state i+1.
  const states = vision.numHiddenLayers + 1;
  return [visionFeatureLayer].flat().map((layer) => (layer + states) % states);
}

/** One grid of one size for every image; its tokens have consecutive ids, the class token first where it stays. */
function imageShapeOf({ vision, visionFeatureSelectStrategy }: Parsed): ImageShape {
  return rasterShape(patchGrid(vision), visionFeatureSelectStrategy === "full" ? classTokens(vision) : 0);
}

/** The sizes that pruning methods are made for. */
export function factsOf(
  config: Pick<LlavaConfig, "vision" | "text" | "visionFeatureLayer">,
  capabilities: ModelFacts["capabilities"],
): ModelFacts {
  return {
    layers: config.text.numHiddenLayers,
    visionBlocks: config.vision.numHiddenLayers,
    featureBlocks: Math.max(...featureStates(config)),
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
  return {
    vision: visionConfig(where, llava.vision_config, "vision_config."),
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

function parseOriginal(where: string, config: Record<string, unknown>, towerConfig?: Record<string, unknown>): Parsed {
  const original = checkSchema(where, config, originalSchema);
  if (!towerConfig) {
    throw new NuwaError(
      `${where}: field "mm_vision_tower": the CLIP tower is kept elsewhere. Put its config.json and ` +
        "model.safetensors into the subfolder vision_tower/.",
    );
  }
  const tower = towerConfig.vision_config ?? towerConfig;
  const towerPath = beside(where, "vision_tower/config.json");
  return {
    vision: visionConfig(towerPath, checkSchema(towerPath, tower, visionSchema)),
    text: textConfig(original),
    imageTokenId: -200,
    visionFeatureLayer: original.mm_vision_select_layer,
    visionFeatureSelectStrategy: original.mm_vision_select_feature === "patch" ? "default" : "full",
    projectorHiddenAct: "gelu",
    projectorBias: true,
    padImages: original.image_aspect_ratio === "pad",
  };
}

/** @param prefix of the fields in the file */
function visionConfig(where: string, vision: VisionFields, prefix = ""): VisionConfig {
  const { image_size: image, patch_size: patch } = vision;
  const patchSize = typeof patch === "number" ? patch : patch[0];
  if (typeof patch !== "number" && patch[1] !== patchSize)
    throw new NuwaError(`${where}: field "${prefix}patch_size": [${patch}] is not supported, only square patches.`);
  return {
    kind: vision.model_type === "siglip_vision_model" ? "siglip" : "clip",
    hiddenSize: vision.hidden_size,
    intermediateSize: vision.intermediate_size,
    numHiddenLayers: vision.num_hidden_layers,
    numAttentionHeads: vision.num_attention_heads,
    imageSize: typeof image === "number" ? [image, image] : image,
    patchSize,
    layerNormEps: vision.layer_norm_eps,
    hiddenAct: vision.hidden_act,
  };
}

/** More patches than any tower sees; what is made of all pairs of them would not fit into memory. */
export const MOST_PATCHES = 2 ** 16;

/** Conditions between fields of tower and decoder. @throws NuwaError naming what is broken */
export function checkConsistency<C extends Pick<LlavaConfig, "vision" | "text" | "visionFeatureLayer">>(
  where: string,
  config: C,
): C {
  const { vision, text } = config;
  const layers = vision.numHiddenLayers;
  const { rows, columns } = patchGrid(vision);
  const outside = [config.visionFeatureLayer].flat().find((layer) => layer < -layers - 1 || layer > layers);
  const conditions: readonly (readonly [holds: boolean, problem: string])[] = [
    [
      rows * columns > 0 && rows * columns <= MOST_PATCHES,
      `image_size [${vision.imageSize}] has ${rows} × ${columns} patches of patch_size ${vision.patchSize}, ` +
        `not 1 to ${MOST_PATCHES}`,
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
      text.ropeScaling?.type !== "dynamic" || text.headDim > 2,
      `text head_dim ${text.headDim} is too small for "dynamic"`,
    ],
    [outside === undefined, `vision_feature_layer ${outside} lies outside the ${layers + 1} hidden states`],
  ];
  const broken = conditions.find(([holds]) => !holds);
  if (broken) throw new NuwaError(`${where}: ${broken[1]}.`);
  return config;
}
