import type { Description } from "../family.ts";
import type { QwenConfig } from "./config.ts";

/** A Qwen2.5-VL model in words. */
export function describe({ vision, text }: QwenConfig): Description {
  const merge = vision.spatialMergeSize;
  const merged = vision.hiddenSize * merge ** 2;
  const cell = vision.patchSize * merge;
  return {
    tower:
      `${vision.depth} blocks of ${vision.hiddenSize} channels, ${vision.numHeads} heads, MLP ` +
      `${vision.intermediateSize} (silu); patches of ${vision.patchSize} pixels, ${vision.temporalPatchSize} in time`,
    projector: `merger of ${merge}×${merge} patches: ${merged} → ${merged} → ${text.hiddenSize} (gelu)`,
    images:
      `one grid of cells of ${cell}×${cell} pixels, which depends on the image; attention in windows of ` +
      `${vision.windowSize} pixels, over the whole image in blocks ${vision.fullAttentionBlocks.join(", ")}`,
  };
}
