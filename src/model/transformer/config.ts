/** The Llama language model. Field names follow transformers' LlamaConfig. */
export interface TextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** How many of the d/2 pairs of a head turn with each axis of the position ids, [R]; a single axis in Llama. */
  readonly ropeSections: readonly number[];
  /** Whether `lm_head` is the transposed token embedding. */
  readonly tieWordEmbeddings: boolean;
  /** A prompt may not go beyond this position id. */
  readonly maxPositionEmbeddings: number;
  /** Generation ends at any of these. */
  readonly eosTokenIds: readonly number[];
  /** By which logits of tokens that are in the text already are lowered; 1 unless given. */
  readonly repetitionPenalty?: number;
}
