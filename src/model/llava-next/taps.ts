import type { TapFacts } from "../../core/tap-points.ts";
import { towerTaps } from "../tower-taps.ts";

/**
 * Points of a LLaVA-NeXT model: the tower sees T tiles of all images, each image's base tile first, then the others row
 * by row, of n patches behind a class token; stage 1 sees the base grid and then the local grid, of N cells each.
 */
export function taps(): TapFacts {
  return {
    ...towerTaps({ images: "T", rows: "n+1" }),
    "vision.pixels": {
      shape: "[T, 3, H, W]",
      meaning: "normalised pixels of all tiles: of each image the base tile, then the others row by row",
    },
    "vision.hidden_states.0": {
      meaning: "class token and embedded patches of each tile, as they enter the first block",
    },
    "vision.features": {
      shape: "[T, n, D]",
      meaning: "the hidden state that grids are put together from, patches of each tile",
    },
    "vision.cls_attention": {
      shape: "[T, n]",
      meaning: "attention from the class token to each patch of its tile, summed over heads",
    },
    "vision.key_norms": {
      shape: "[T, n]",
      meaning: "L2 norm of each patch's key over all heads, in the block of the features",
    },
    "projector.output": {
      shape: "[I, k+s, Hd]",
      meaning: "tokens with s separators between rows, as they enter the decoder; shorter rows repeat one at the end",
    },
  };
}
