import type { TapFacts } from "../../core/tap-points.ts";
import { towerTaps } from "../tower-taps.ts";
import type { QwenConfig } from "./config.ts";

/**
 * Points of a Qwen2.5-VL model. Its tower has P patches and no class token, window by window, the patches of a cell one
 * after the other; the merger makes one row, as wide as the decoder, of each of the N cells, in raster order.
 */
export function taps({ vision, text }: QwenConfig): TapFacts {
  const windowed = Array.from({ length: vision.depth }, (_, block) => block).filter(
    (block) => !vision.fullAttentionBlocks.includes(block),
  );
  const inWindows = windowed.map((block) => ({
    [`vision.${block}.attention_scores`]: {
      shape: "[I, h, P, w]",
      meaning: "each patch's query times the keys of its window, scaled; a mask behind shorter windows",
    },
    [`vision.${block}.attention`]: {
      shape: "[I, h, P, w]",
      meaning: "softmax of the scores: over the patches of its window, in their order; 0 behind shorter windows",
    },
  }));
  const rotated = "after the rotary positions of row and column";
  return {
    ...towerTaps({ images: "I", rows: "P" }),
    ...Object.assign({}, ...inWindows),
    "vision.pixels": {
      shape: `[I, P, ${3 * vision.temporalPatchSize * vision.patchSize ** 2}]`,
      meaning: "normalised pixels of each patch, the patches of a cell one after the other, cells in raster order",
    },
    "vision.hidden_states.0": { meaning: "embedded patches window by window, as they enter the first block" },
    "vision.*.queries": { shape: "[I, h, P, d]", meaning: `queries, ${rotated}` },
    "vision.*.keys": { shape: "[I, h, P, d]", meaning: `keys, ${rotated}` },
    "vision.features": { shape: "[I, N, Hd]", meaning: "cells in raster order, as the merger makes them" },
    "vision.cls_attention": {
      meaning:
        "attention that the patches of a cell receive in the last block that attends over everything, mean over heads",
    },
    "vision.key_norms": {
      meaning: "L2 norm of the keys of that block over all heads, mean over the patches of a cell",
    },
    "stage1.tokens": { shape: "[I, k, Hd]" },
    position_ids: {
      shape: `[B, ${text.ropeSections.length}, S]`,
      meaning: "position ids of that sequence along time, row and column; can be recorded, not replaced",
    },
  };
}
