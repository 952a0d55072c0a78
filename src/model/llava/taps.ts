import type { TapFacts } from "../../core/tap-points.ts";
import { towerTaps } from "../tower-taps.ts";
import { classTokens, featureStates, type LlavaConfig } from "./config.ts";

/** Points of a LLaVA-1.5 model: row 0 of CLIP is the class token, the N patches follow in raster order. */
export function taps(config: LlavaConfig): TapFacts {
  const hasClass = classTokens(config.vision) > 0;
  const full = hasClass && config.visionFeatureSelectStrategy === "full";
  const width = featureWidth(config);
  return {
    ...towerTaps({ images: "I", rows: hasClass ? "N+1" : "N" }),
    "vision.hidden_states.0": {
      meaning: `${hasClass ? "class token and " : ""}embedded patches, as they enter the first block`,
    },
    "vision.features": {
      shape: `[I, ${full ? "N+1" : "N"}, ${width}]`,
      meaning: `hidden states, as the projector reads them, ${full ? "the class token first" : "patches only"}`,
    },
    "stage1.tokens": { shape: `[I, k, ${width}]` },
    ...scoreTaps(config, "[I, N]"),
  };
}

/** How wide features are, in letters: D, or F of several layers side by side. */
export function featureWidth(config: Pick<LlavaConfig, "vision" | "visionFeatureLayer">): string {
  return featureStates(config).length > 1 ? "F" : "D";
}

/** What stage 1 reads of the block of the features. */
export function scoreTaps({ vision }: Pick<LlavaConfig, "vision">, shape: string): TapFacts {
  const attention =
    classTokens(vision) > 0
      ? "attention from the class token to each patch, summed over heads"
      : "attention that each patch receives, mean over heads, summed over the patches that pay it";
  return {
    "vision.cls_attention": { shape, meaning: attention },
    "vision.key_norms": { shape, meaning: "L2 norm of each patch's key over all heads, in the block of the features" },
  };
}
