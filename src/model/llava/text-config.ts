import type { DecoderBiases, TextConfig } from "../transformer/config.ts";
import { ropeOf } from "../transformer/rope-fields.ts";
import type { TextFields } from "./schemas.ts";

/** The decoder of a LLaVA: Llama's, Mistral's or Qwen2's, which differ in biases, windows and defaults. */
export function textConfig(text: TextFields): TextConfig {
  const headDim = text.head_dim ?? text.hidden_size / text.num_attention_heads;
  const rope = ropeOf(text, 10000);
  // In transformers, nothing ends an answer of Qwen2 where no file says it.
  const ends = text.eos_token_id ?? (text.model_type === "qwen2" ? [] : 2);
  return {
    vocabSize: text.vocab_size,
    hiddenSize: text.hidden_size,
    intermediateSize: text.intermediate_size,
    numHiddenLayers: text.num_hidden_layers,
    numAttentionHeads: text.num_attention_heads,
    numKeyValueHeads: text.num_key_value_heads ?? text.num_attention_heads,
    headDim,
    hiddenAct: text.hidden_act,
    biases: biasesOf(text),
    ...windowsOf(text),
    rmsNormEps: text.rms_norm_eps,
    ropeTheta: rope.rope_theta,
    ropeScaling: rope.scaling,
    ropeSections: [headDim / 2],
    tieWordEmbeddings: text.tie_word_embeddings,
    maxPositionEmbeddings: text.max_position_embeddings,
    eosTokenIds: [ends].flat(),
  };
}

/** Mistral has its window in every layer, Qwen2 where it is asked for: in the layers listed, or from one on. */
function windowsOf(text: TextFields): Pick<TextConfig, "slidingWindow" | "windowedLayers"> {
  const slidingWindow = text.sliding_window ?? undefined;
  if (text.model_type !== "qwen2") return { slidingWindow };
  if (!text.use_sliding_window || slidingWindow === undefined) return {};
  const first = text.max_window_layers ?? 0;
  const windowedLayers = Array.from({ length: text.num_hidden_layers }, (_, layer) =>
    text.layer_types ? text.layer_types[layer] === "sliding_attention" : layer >= first,
  );
  return windowedLayers.includes(true) ? { slidingWindow, windowedLayers } : {};
}

function biasesOf(text: TextFields): DecoderBiases {
  if (text.model_type === "qwen2") return { inputs: true, output: false, mlp: false };
  const attention = text.attention_bias ?? false;
  return { inputs: attention, output: attention, mlp: text.mlp_bias ?? false };
}
