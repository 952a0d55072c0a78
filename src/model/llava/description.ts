import type { Description } from "../family.ts";
import { featureStates, type LlavaConfig } from "./config.ts";

/** Tower and projector, which LLaVA-1.5 and LLaVA-NeXT share. */
export function describeParts(
  config: Pick<LlavaConfig, "vision" | "visionFeatureLayer" | "text" | "projectorHiddenAct" | "projectorBias">,
): Pick<Description, "tower" | "projector"> {
  const { vision, text } = config;
  const states = featureStates(config);
  const [height, width] = vision.imageSize;
  return {
    tower:
      `${vision.kind === "clip" ? "CLIP" : "SigLIP"}, ${vision.numHiddenLayers} blocks of ${vision.hiddenSize} ` +
      `channels, ${vision.numAttentionHeads} heads, ` +
      `MLP ${vision.intermediateSize} (${vision.hiddenAct}); ${height}×${width} pixels in patches of ` +
      `${vision.patchSize}; features of the ` +
      (states.length > 1 ? `states behind blocks ${states.join(", ")}` : `state behind block ${states[0]}`),
    projector:
      `${states.length * vision.hiddenSize} → ${text.hiddenSize} → ${text.hiddenSize} (${config.projectorHiddenAct}` +
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
