import { decoderShapes } from "../transformer/decoder-weights.ts";
import type { LlavaConfig } from "./config.ts";

/**
 * Every tensor that a configuration needs, with its shape **on disk**.
 */
export function tensorShapes(
  config: Pick<LlavaConfig, "vision" | "text" | "projectorBias">,
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
  const [rows, columns] = vision.imageSize.map((side) => side / vision.patchSize);
  const tower = "vision_tower.vision_model";
  shapes.set(`${tower}.embeddings.class_embedding`, [width]);
  shapes.set(`${tower}.embeddings.patch_embedding.weight`, [width, 3, vision.patchSize, vision.patchSize]);
  shapes.set(`${tower}.embeddings.position_embedding.weight`, [rows * columns + 1, width]);
  norm(`${tower}.pre_layrnorm`, width, true);
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
  linear("multi_modal_projector.linear_1", width, hidden, config.projectorBias);
  linear("multi_modal_projector.linear_2", hidden, hidden, config.projectorBias);

  for (const [name, shape] of decoderShapes(text, false)) shapes.set(`language_model.${name}`, shape);
  return shapes;
}
