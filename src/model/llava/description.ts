import type { Description } from "../family.ts";
import type { LlavaConfig } from "./config.ts";

/** Tower and projector, which LLaVA-1.5 and LLaVA-NeXT share. */
export function describeParts(
  config: Pick<LlavaConfig, "vision" | "text" | "facts" | "projectorHiddenAct" | "projectorBias">,
): Pick<Description, "tower" | "projector"> {
  const { vision, text, facts } = config;
  const [height, width] = vision.imageSize;
  return {
    tower:
      `CLIP, ${vision.numHiddenLayers} blocks of ${vision.hiddenSize} channels, ${vision.numAttentionHeads} heads, ` +
      `MLP ${vision.intermediateSize} (${vision.hiddenAct}); ${height}×${width} pixels in patches of ` +
      `${vision.patchSize}; features of the state behind block ${facts.featureBlocks}`,
    projector:
      `${vision.hiddenSize} → ${text.hiddenSize} → ${text.hiddenSize} (${config.projectorHiddenAct}` +
      `${config.projectorBias ? "" : ", no bias"})`,
  };
}

/** A LLaVA-1.5 model in words. */
export function describe(config: LlavaConfig): Description {
  const { imageShape: shape } = config;
  const [{ rows, columns }] = shape.grids;
  const extra = shape.extraTokens > 0 ? " and the class token" : "";
  return {
    ...describeParts(config),
    images: `one grid of ${rows}×${columns}${extra}: ${shape.length} visual tokens an image`,
  };
}
