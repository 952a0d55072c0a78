import type { ActivationName } from "./activations.ts";

/** Which linear layers of a decoder have a bias. */
export interface DecoderBiases {
  /** Queries, keys and values. */
  readonly inputs: boolean;
  /** The output of the attention. */
  readonly output: boolean;
  /** The three layers of the MLP. */
  readonly mlp: boolean;
}

/**
 * How rotary positions are stretched beyond the context that a model was trained on, by transformers' names:
 * - `linear`: all frequencies divided by the factor (Chen et al., arXiv 2306.15595);
 * - `dynamic`: the base grows with the length of the sequence, once that is beyond the trained context;
 * - `llama3`: low frequencies divided, high ones kept, those between mixed (Llama 3.1);
 * - `yarn`: the same along a ramp over the pairs, and cos and sin scaled (Peng et al., arXiv 2309.00071).
 */
export type RopeScaling = {
  /** At least 1. */
  readonly factor: number;
  /** Positions that the model was trained on before they were stretched. */
  readonly originalPositions: number;
} & (
  | { readonly type: "linear" | "dynamic" }
  | { readonly type: "llama3"; readonly lowFrequencyFactor: number; readonly highFrequencyFactor: number }
  | {
      readonly type: "yarn";
      /** What cos and sin are multiplied by. */
      readonly attentionFactor: number;
      /** Turns over the trained context from which on a pair is left as it is. */
      readonly betaFast: number;
      /** Turns up to which a pair is stretched by the whole factor. */
      readonly betaSlow: number;
      /** Whether the ends of the ramp are rounded outwards to whole pairs. */
      readonly truncate: boolean;
    }
);

/** A Llama-like language model. Field names follow transformers' LlamaConfig. */
export interface TextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  /** Of the gate of the MLP. */
  readonly hiddenAct: ActivationName;
  readonly biases: DecoderBiases;
  /** How many tokens a token sees, itself and those before it; undefined: all of them. */
  readonly slidingWindow?: number;
  /** For each layer whether it has that window; undefined: every layer. */
  readonly windowedLayers?: readonly boolean[];
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Undefined where positions are not stretched. */
  readonly ropeScaling?: RopeScaling;
  /** How many of the d/2 pairs of a head turn with each axis of the position ids, [R]; a single axis in Llama. */
  readonly ropeSections: readonly number[];
  /** Whether `lm_head` is the transposed token embedding. */
  readonly tieWordEmbeddings: boolean;
  /** A prompt may not go beyond this position id, unless positions are stretched: see `positionLimit`. */
  readonly maxPositionEmbeddings: number;
  /** Generation ends at any of these. */
  readonly eosTokenIds: readonly number[];
  /** By which logits of tokens that are in the text already are lowered; 1 unless given. */
  readonly repetitionPenalty?: number;
}
