import * as tf from "@tensorflow/tfjs";
import { normal, type Random } from "../../core/random-numbers.ts";
import { familyNamed } from "../../model/families.ts";
import type { LlavaConfig } from "../../model/llava/config.ts";
import type { VlmConfig } from "../../model/vlm.ts";

/** Spread of token embeddings, and of what the projector puts beside them. */
export const EMBEDDING_SPREAD = 0.5;

/**
 * Weights to start training from, by canonical name.
 *
 * Matrices are normal with variance 1/inputs, those that write to the residual stream divided by
 * √(2·layers) (Radford et al., GPT-2). Three things are not random, because a small model finds them
 * late: patch positions start as 2-D sines and cosines; in the decoder keys start equal to queries, so
 * that a token looks for what resembles it, and each output matrix starts as its value matrix transposed, so that
 * it copies what it finds (after Trockman and Kolter, "Mimetic Initialization", arXiv 2305.09828).
 */
export function initialWeights(config: VlmConfig, random: Random): Map<string, tf.Tensor> {
  const weights = new Map<string, tf.Tensor>();
  for (const [name, shape] of familyNamed(config.family).tensorShapes(config)) {
    weights.set(name, tf.tensor(initialValues(config, name, shape, random), [...shape]));
  }
  mimic(config, weights);
  return weights;
}

function initialValues(config: VlmConfig, name: string, shape: readonly number[], random: Random): Float32Array {
  const size = tf.util.sizeFromShape([...shape]);
  const gaussian = (spread: number) => Float32Array.from({ length: size }, () => spread * normal(random));
  if (name.endsWith("position_embedding.weight")) return positions(config as LlavaConfig);
  if (/patch_embed(ding|\.proj)\.weight$/.test(name)) return gaussian((size / shape[0]) ** -0.5);
  if (name.endsWith("class_embedding")) return gaussian(EMBEDDING_SPREAD);
  if (name.endsWith("embed_tokens.weight")) return gaussian(EMBEDDING_SPREAD);
  if (name.endsWith(".bias")) return new Float32Array(size);
  if (shape.length === 1) return new Float32Array(size).fill(1);
  const layers = /^vis/.test(name) ? config.facts.visionBlocks : config.text.numHiddenLayers;
  const writes = /(out_proj|fc2|o_proj|down_proj|attn\.proj)\.weight$/.test(name);
  return gaussian((writes ? (2 * layers) ** -0.5 : 1) * shape[1] ** -0.5);
}

/** Sines and cosines of row and column in eight octaves or fewer, the class token at zero: [N+1, D]. */
function positions({ vision }: LlavaConfig): Float32Array {
  const [rows, columns] = vision.imageSize.map((side) => side / vision.patchSize);
  const width = vision.hiddenSize;
  const quarter = Math.floor(width / 4);
  const values = new Float32Array((rows * columns + 1) * width);
  for (let cell = 0; cell < rows * columns; cell++) {
    const [y, x] = [(Math.floor(cell / columns) + 0.5) / rows, ((cell % columns) + 0.5) / columns];
    for (let i = 0; i < quarter; i++) {
      // From half a turn over the picture to a turn every two patches, in equal ratios.
      const turns = 0.5 * rows ** (i / quarter);
      const at = (cell + 1) * width + 4 * i;
      values[at] = Math.sin(2 * Math.PI * turns * x) * EMBEDDING_SPREAD;
      values[at + 1] = Math.cos(2 * Math.PI * turns * x) * EMBEDDING_SPREAD;
      values[at + 2] = Math.sin(2 * Math.PI * turns * y) * EMBEDDING_SPREAD;
      values[at + 3] = Math.cos(2 * Math.PI * turns * y) * EMBEDDING_SPREAD;
    }
  }
  return values;
}

/** Makes the decoder's attention one that looks for likeness and copies. */
function mimic({ text }: VlmConfig, weights: Map<string, tf.Tensor>): void {
  // With fewer key-value heads than heads the matrices do not have the same shape.
  if (text.numKeyValueHeads !== text.numAttentionHeads) return;
  const replace = (name: string, make: () => tf.Tensor) => {
    const old = weights.get(name);
    weights.set(name, tf.tidy(make));
    old?.dispose();
  };
  const attentions = [...weights.keys()].flatMap(
    (name) => /^(.*layers\.\d+\.self_attn)\.o_proj\.weight$/.exec(name)?.[1] ?? [],
  );
  for (const attention of attentions) {
    const of = (name: string) => weights.get(`${attention}.${name}.weight`) as tf.Tensor2D;
    replace(`${attention}.k_proj.weight`, () => of("q_proj").mul(0.7).add(of("k_proj").mul(0.7)));
    replace(`${attention}.o_proj.weight`, () => of("v_proj").transpose().mul(0.5).add(of("o_proj").mul(0.5)));
  }
}
