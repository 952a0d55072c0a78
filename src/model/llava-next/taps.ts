import type { TapFacts } from "../../core/tap-points.ts";
import { classTokens } from "../llava/config.ts";
import { featureWidth, scoreTaps } from "../llava/taps.ts";
import { towerTaps } from "../tower-taps.ts";
import type { LlavaNextConfig } from "./config.ts";

/**
 * Points of a LLaVA-NeXT model: the tower sees T tiles of all images, each image's base tile first, then the others row
 * by row, of n patches, in CLIP behind a class token; stage 1 sees the base grid and then the local grid, of N cells
 * each.
 */
export function taps(config: LlavaNextConfig): TapFacts {
  const hasClass = classTokens(config.vision) > 0;
  const width = featureWidth(config);
  return {
    ...towerTaps({ images: "T", rows: hasClass ? "n+1" : "n" }),
    "vision.pixels": {
      shape: "[T, 3, H, W]",
      meaning: "normalised pixels of all tiles: of each image the base tile, then the others row by row",
    },
    "vision.hidden_states.0": {
      meaning: `${hasClass ? "class token and " : ""}embedded patches of each tile, as they enter the first block`,
    },
    "vision.features": {
      shape: `[T, n, ${width}]`,
      meaning: "the hidden states that grids are put together from, patches of each tile",
    },
    "stage1.tokens": { shape: `[I, k, ${width}]` },
    ...scoreTaps(config, "[T, n]"),
    "projector.output": {
      shape: "[I, k+s, Hd]",
      meaning: "tokens with s separators between rows, as they enter the decoder; shorter rows repeat one at the end",
    },
  };
}
