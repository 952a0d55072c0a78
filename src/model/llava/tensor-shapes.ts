import { decoderShapes } from "../transformer/decoder-weights.ts";
import { classTokens, featureStates, type LlavaConfig, patchGrid } from "./config.ts";

/**
 * Every tensor that a configuration needs, with its shape **on disk**.
 */
export function tensorShapes(
  config: Pick<LlavaConfig, "vision" | "visionFeatureLayer" | "text" | "projectorBias">,
): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, inputs: number, outputs: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string, width: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [width]);
    if (bias) shapes.set(`${name}.bias`, [width]);
  };

  const { vision, text } = config;
  const width = vision.hiddenSize;
  const { rows, columns } = patchGrid(vision);
  const tower = "vision_tower.vision_model";
  const clip = vision.kind === "clip";
  if (clip) shapes.set(`${tower}.embeddings.class_embedding`, [width]);
  shapes.set(`${tower}.embeddings.patch_embedding.weight`, [width, 3, vision.patchSize, vision.patchSize]);
  if (!clip) shapes.set(`${tower}.embeddings.patch_embedding.bias`, [width]);
  shapes.set(`${tower}.embeddings.position_embedding.weight`, [rows * columns + classTokens(vision), width]);
  if (clip) norm(`${tower}.pre_layrnorm`, width, true);
  for (let i = 0; i < vision.numHiddenLayers; i++) {
    const block = `${tower}.encoder.layers.${i}`;
    norm(`${block}.layer_norm1`, width, true);
    for (const projection of ["q_proj", "k_proj", "v_proj", "out_proj"])
      linear(`${block}.self_attn.${projection}`, width, width, true);
    norm(`${block}.layer_norm2`, width, true);
    linear(`${block}.mlp.fc1`, width, vision.intermediateSize, true);
    linear(`${block}.mlp.fc2`, vision.intermediateSize, width, true);
  }

  const hidden = text.hiddenSize;
  linear("multi_modal_projector.linear_1", featureStates(config).length * width, hidden, config.projectorBias);
  linear("multi_modal_projector.linear_2", hidden, hidden, config.projectorBias);

  for (const [name, shape] of decoderShapes(text)) shapes.set(`language_model.${name}`, shape);
  return shapes;
}
