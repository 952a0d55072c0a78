export { tinyModel } from "../src/laws/tiny.ts";

/** Fields of `tinyModel` by which it differs from LLaVA-1.5 in every part. */
export const OTHER_PARTS = {
  top: { vision_feature_select_strategy: "full", vision_feature_layer: [-2, -1], projector_hidden_act: "relu" },
  vision: { model_type: "siglip_vision_model" },
  text: {
    model_type: "qwen2",
    hidden_act: "gelu_new",
    rope_scaling: { type: "yarn", factor: 4, original_max_position_embeddings: 16 },
  },
};
