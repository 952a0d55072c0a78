import type * as tf from "@tensorflow/tfjs";
import { NuwaError } from "../../core/errors.ts";
import type { Vlm } from "../vlm.ts";
import { weightsTree } from "../weights.ts";
import type { LlavaConfig } from "./config.ts";
import { encode } from "./encode.ts";
import { project } from "./projector.ts";

/** A LLaVA-1.5 model. */
export type Llava = Vlm<LlavaConfig>;

/**
 * A LLaVA-1.5 model from its configuration and all its weights: CLIP tower, two-layer projector, Llama decoder.
 *
 * Source: Liu et al., "Improved Baselines with Visual Instruction Tuning", arXiv 2310.03744.
 *
 * @param tensors by canonical name; linear weights are [in, out]
 */
export function createModel(config: LlavaConfig, tensors: ReadonlyMap<string, tf.Tensor>): Llava {
  const weights = weightsTree(tensors);
  const language = weights.at("language_model");
  const { grid } = config.facts;
  const extraTokens = config.visionFeatureSelectStrategy === "full" ? 1 : 0;
  return {
    family: "llava",
    config,
    weights,
    tensors,
    tapLayers: { vision: config.vision.numHiddenLayers, llm: config.text.numHiddenLayers },
    decoder: {
      embedTokens: language.at("model.embed_tokens"),
      layer: (i) => language.at("model.layers", i),
      norm: language.at("model.norm"),
      lmHead: config.text.tieWordEmbeddings ? undefined : language.at("lm_head"),
    },
    encode(pixels, tap, merge) {
      const wanted = [3, ...config.vision.imageSize];
      if (pixels.shape.slice(1).join() !== wanted.join())
        throw new NuwaError(`pixels have shape [${pixels.shape}], but the model sees [images,${wanted}].`);
      return encode({ config, weights }, pixels, tap, merge);
    },
    project: (features) => project({ config, weights }, features),
    unpruned: { total: grid.rows * grid.columns + extraTokens, extraTokens },
  };
}
