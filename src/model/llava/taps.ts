import type { TapFacts } from "../../core/tap-points.ts";
import { towerTaps } from "../tower-taps.ts";
import type { LlavaConfig } from "./config.ts";

/** Points of a LLaVA-1.5 model: row 0 of the tower is the class token, the N patches follow in raster order. */
export function taps({ visionFeatureSelectStrategy: strategy }: LlavaConfig): TapFacts {
  const full = strategy === "full";
  return {
    ...towerTaps({ images: "I", rows: "N+1" }),
    "vision.hidden_states.0": { meaning: "class token and embedded patches, as they enter the first block" },
    "vision.features": {
      shape: full ? "[I, N+1, D]" : "[I, N, D]",
      meaning: `the hidden state that the projector reads, ${full ? "the class token first" : "patches only"}`,
    },
    "vision.cls_attention": { meaning: "attention from the class token to each patch, summed over heads" },
    "vision.key_norms": { meaning: "L2 norm of each patch's key over all heads, in the block of the features" },
  };
}
