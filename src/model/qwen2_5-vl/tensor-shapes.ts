import { decoderShapes } from "../transformer/decoder-weights.ts";
import type { QwenConfig } from "./config.ts";

/** Every tensor that a configuration needs, with its shape on disk. */
export function tensorShapes({ vision, text }: QwenConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, inputs: number, outputs: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string, width: number) => shapes.set(`${name}.weight`, [width]);

  const width = vision.hiddenSize;
  const { patchSize, temporalPatchSize } = vision;
  shapes.set("visual.patch_embed.proj.weight", [width, 3, temporalPatchSize, patchSize, patchSize]);
  for (let i = 0; i < vision.depth; i++) {
    const block = `visual.blocks.${i}`;
    norm(`${block}.norm1`, width);
    linear(`${block}.attn.qkv`, width, 3 * width, true);
    linear(`${block}.attn.proj`, width, width, true);
    norm(`${block}.norm2`, width);
    for (const name of ["gate_proj", "up_proj"]) linear(`${block}.mlp.${name}`, width, vision.intermediateSize, true);
    linear(`${block}.mlp.down_proj`, vision.intermediateSize, width, true);
  }
  const merged = width * vision.spatialMergeSize ** 2;
  norm("visual.merger.ln_q", width);
  linear("visual.merger.mlp.0", merged, merged, true);
  linear("visual.merger.mlp.2", merged, text.hiddenSize, true);

  return new Map([...shapes, ...decoderShapes(text)]);
}
