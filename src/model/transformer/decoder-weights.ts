import type { Weights } from "../weights.ts";
import type { TextConfig } from "./config.ts";

/** The weights of a Llama-like decoder, by part; where they lie in a checkpoint depends on the family. */
export interface DecoderWeights {
  /** Has `weight` [V, Hd]. */
  readonly embedTokens: Weights;
  readonly layer: (i: number) => Weights;
  readonly norm: Weights;
  /** Undefined where it is the transposed token embedding. */
  readonly lmHead: Weights | undefined;
}

/**
 * The weights of a decoder by the names that transformers gives them.
 *
 * @param root the node that `model` and `lm_head` lie below
 */
export function decoderWeights(root: Weights, { tieWordEmbeddings }: TextConfig): DecoderWeights {
  return {
    embedTokens: root.at("model.embed_tokens"),
    layer: (i) => root.at("model.layers", i),
    norm: root.at("model.norm"),
    lmHead: tieWordEmbeddings ? undefined : root.at("lm_head"),
  };
}

/** The tensors of a decoder with their shapes **on disk**, by name below the root. */
export function decoderShapes(text: TextConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, inputs: number, outputs: number, bias: boolean) => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };
  const { biases, intermediateSize: inner } = text;
  const hidden = text.hiddenSize;
  const [heads, keyValueHeads] = [text.numAttentionHeads, text.numKeyValueHeads].map((count) => count * text.headDim);
  shapes.set("model.embed_tokens.weight", [text.vocabSize, hidden]);
  for (let i = 0; i < text.numHiddenLayers; i++) {
    const layer = `model.layers.${i}`;
    shapes.set(`${layer}.input_layernorm.weight`, [hidden]);
    linear(`${layer}.self_attn.q_proj`, hidden, heads, biases.inputs);
    for (const name of ["k_proj", "v_proj"]) linear(`${layer}.self_attn.${name}`, hidden, keyValueHeads, biases.inputs);
    linear(`${layer}.self_attn.o_proj`, heads, hidden, biases.output);
    shapes.set(`${layer}.post_attention_layernorm.weight`, [hidden]);
    for (const name of ["gate_proj", "up_proj"]) linear(`${layer}.mlp.${name}`, hidden, inner, biases.mlp);
    linear(`${layer}.mlp.down_proj`, inner, hidden, biases.mlp);
  }
  shapes.set("model.norm.weight", [hidden]);
  if (!text.tieWordEmbeddings) shapes.set("lm_head.weight", [text.vocabSize, hidden]);
  return shapes;
}
