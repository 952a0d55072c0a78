import { z } from "zod";
import { NuwaError } from "../../core/errors.ts";
import { checkSchema, only } from "../../core/schema.ts";
import { unread } from "../fields.ts";
import {
  checkConsistency,
  classTokens,
  factsOf,
  type LlavaConfig,
  MOST_PATCHES,
  partsOf,
  type VisionConfig,
} from "../llava/config.ts";
import { llavaFields } from "../llava/schemas.ts";
import type { ActivationName } from "../transformer/activations.ts";
import { withGeneration } from "../transformer/generation.ts";
import { LLAVA } from "../unread-fields.ts";
import type { VlmConfig } from "../vlm.ts";

/** A LLaVA-NeXT model: tower, projector and decoder are LLaVA-1.5's, pictures are seen in tiles. */
export interface LlavaNextConfig extends VlmConfig {
  readonly vision: VisionConfig;
  /** Index into hidden_states[0..L], negative from the end, or several: see {@link LlavaConfig}. */
  readonly visionFeatureLayer: LlavaConfig["visionFeatureLayer"];
  readonly projectorHiddenAct: ActivationName;
  readonly projectorBias: boolean;
  /** Resolutions that pictures are scaled to, [height, width] in pixels. Their order decides between equals. */
  readonly pinpoints: readonly (readonly [number, number])[];
}

const side = z.number().int().positive().max(16384);
const DEFAULT_PINPOINTS: [number, number][] = [
  [336, 672],
  [672, 336],
  [672, 672],
  [1008, 336],
  [336, 1008],
];

/** LlavaNextConfig with its defaults in transformers. */
export function nextSchema(config: Readonly<Record<string, unknown>>) {
  return unread(
    llavaFields(config).extend({
      model_type: z.literal("llava_next", only('"llava_next"')),
      image_grid_pinpoints: z
        .array(z.tuple([side, side]))
        .min(1)
        .max(256)
        .nullish(),
    }),
    [...LLAVA, "image_aspect_ratio"],
  );
}

/** What LLaVA-NeXT offers to methods. Its tower merges no tokens: tiles would lose the grid that they are part of. */
export const CAPABILITIES = ["class-attention", "key-norms", "tower-blocks"] as const;

/**
 * Reads config.json of a LLaVA-NeXT checkpoint.
 *
 * @param where the path to name in errors
 * @throws NuwaError naming file and field
 */
export function parseConfig(
  where: string,
  json: Record<string, unknown>,
  generationConfig: Record<string, unknown> = {},
): LlavaNextConfig {
  const next = checkSchema(where, json, nextSchema(json));
  const { text, ...parts } = partsOf(where, next);
  const parsed = {
    ...parts,
    // Unlike in LLaVA-1.5, transformers does not look at text_config here.
    text: { ...text, tieWordEmbeddings: next.tie_word_embeddings ?? false },
    pinpoints: next.image_grid_pinpoints ?? DEFAULT_PINPOINTS,
  };
  requirePatchesAlone(where, parsed.vision, next.vision_feature_select_strategy);
  requireTiles(where, parsed.vision, parsed.pinpoints);
  const checked = checkConsistency(where, withGeneration(where, parsed, generationConfig));
  return {
    ...checked,
    family: "llava_next",
    facts: factsOf(checked, CAPABILITIES),
    imageShape: undefined,
  };
}

/** @throws NuwaError when the features would not be the patches of each tile, all of them and no class token */
function requirePatchesAlone(where: string, vision: VisionConfig, strategy: "default" | "full"): void {
  const [wanted, why] =
    classTokens(vision) > 0
      ? ["default", "the class token is dropped"]
      : ["full", "a SigLIP tower has no class token to drop"];
  if (strategy !== wanted)
    throw new NuwaError(
      `${where}: field "vision_feature_select_strategy": "${strategy}" is not supported, only "${wanted}": ${why}.`,
    );
}

/** @throws NuwaError when tiles are not square, or do not fill a resolution */
function requireTiles(
  where: string,
  { imageSize, patchSize }: VisionConfig,
  pinpoints: LlavaNextConfig["pinpoints"],
): void {
  const [height, width] = imageSize;
  if (height !== width)
    throw new NuwaError(`${where}: field "vision_config.image_size": tiles must be square, not [${imageSize}].`);
  const large = pinpoints.find(([rows, columns]) => rows * columns > MOST_PATCHES * patchSize ** 2);
  if (large)
    throw new NuwaError(
      `${where}: field "image_grid_pinpoints": [${large}] has more than ${MOST_PATCHES} patches of ${patchSize} ` +
        "pixels.",
    );
  const odd = pinpoints.find((sides) => sides.some((pixels) => pixels % width !== 0));
  if (odd)
    throw new NuwaError(
      `${where}: field "image_grid_pinpoints": [${odd}] is not made of tiles of ${width} × ${width} pixels.`,
    );
}
