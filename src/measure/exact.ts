import type { TextConfig, VisionConfig, VlmConfig } from "../model/config.ts";
import { patchCount } from "../pruning/grid.ts";
import { enteringPerLayer, type SampleLedger, type VisualToken } from "../pruning/ledger.ts";

/** Floating-point operations of one prefill, part by part; a multiplication with its addition counts as two. */
export interface ExactCost {
  /** The vision tower: patch embedding and all of its blocks. */
  readonly visionTower: number;
  /** Choosing and mixing tokens, see {@link SelectionScore}. */
  readonly selection: number;
  readonly projector: number;
  /** All decoder layers, text tokens included. */
  readonly decoder: number;
  /** The scores of the first answer token. */
  readonly lmHead: number;
  /** The sum of the parts. */
  readonly flops: number;
  /** Bytes of all keys and values that decoding starts with, text included, as float32. */
  readonly cacheBytes: number;
}

/** Methods whose selection {@link exactCost} counts whole. Others compare tokens in ways that the ledger does not show. */
const COUNTED = ["none", "nuwa", "random", "pooling", "fastv"];

/** Whether {@link exactCost} is exact for a method of the registry. */
export function isCountedExactly(method: string): boolean {
  return COUNTED.includes(method);
}

/**
 * How tokens are scored inside the decoder. `cosine` multiplies every hidden state by the mean of the
 * text; attention is there already, and a random draw costs nothing.
 */
export type SelectionScore = "attention" | "cosine" | "random";

/**
 * What one prompt costs in this program: the multiplications and additions of every matrix product, as
 * they are made. In contrast to the paper's formula ({@link paperFlops}) it has Llama's gated MLP (three
 * matrices), projections of grouped queries, text tokens, the vision tower, the projector, the language
 * head, and what selection itself costs. Norms, softmax, activations and sorting are left out: they grow
 * with the tokens alone, not with tokens × width². Attention counts the whole square of the sequence,
 * because it is computed before it is masked.
 *
 * Selection counts what the ledger shows: the mixing of tokens by their weights (every method that
 * merges), the likeness of k kept to all N patches that Nüwa's weights come from (where tokens have
 * roles), and the score of the cut. That is all of it for the methods of {@link isCountedExactly} alone.
 *
 * @param score of the cut in the decoder
 */
export function exactCost(ledger: SampleLedger, config: VlmConfig, score: SelectionScore = "attention"): ExactCost {
  const { vision, text } = config;
  const visual = enteringPerLayer(ledger);
  const sequences = visual.map((tokens) => tokens + ledger.textTokens);
  const parts = {
    visionTower: 2 * towerProducts(vision, patchCount(ledger.grid)),
    selection: 2 * (stage1Products(ledger, vision) + (score === "cosine" ? scoreProducts(sequences, text) : 0)),
    projector: 2 * visual[0] * (vision.hiddenSize * text.hiddenSize + text.hiddenSize ** 2),
    decoder: 2 * sequences.reduce((sum, tokens) => sum + layerProducts(tokens, text), 0),
    lmHead: 2 * text.hiddenSize * text.vocabSize,
  };
  return {
    ...parts,
    flops: Object.values(parts).reduce((sum, part) => sum + part, 0),
    cacheBytes: sequences.reduce((sum, tokens) => sum + tokens * cacheBytesPerToken(text), 0),
  };
}

/** {@link exactCost} of the same prompt with every visual token in every layer and nothing chosen. */
export function exactUnprunedCost(ledger: SampleLedger, config: VlmConfig): ExactCost {
  const { total, layers } = ledger;
  const token: VisualToken = { cell: 0, position: 0, pillar: undefined, weights: undefined, firstLayer: 0, layers };
  return exactCost({ ...ledger, tokens: new Array<VisualToken>(total).fill(token) }, config);
}

/** Bytes of one token's key and value in the cache of one layer, as float32. */
export function cacheBytesPerToken({ numKeyValueHeads, headDim }: TextConfig): number {
  return 2 * numKeyValueHeads * headDim * 4;
}

/** Patch embedding, then in each block four projections, attention, and an MLP of two matrices. */
function towerProducts(config: VisionConfig, patches: number): number {
  const { hiddenSize: width, intermediateSize, numHiddenLayers, patchSize } = config;
  const tokens = patches + 1;
  const block = 4 * tokens * width ** 2 + 2 * tokens ** 2 * width + 2 * tokens * width * intermediateSize;
  return patches * 3 * patchSize ** 2 * width + numHiddenLayers * block;
}

/** Queries, keys, values, output; attention; gate, up and down. */
function layerProducts(tokens: number, config: TextConfig): number {
  const { hiddenSize, intermediateSize, numAttentionHeads, numKeyValueHeads, headDim } = config;
  const queries = numAttentionHeads * headDim;
  const keys = numKeyValueHeads * headDim;
  const projections = tokens * hiddenSize * (2 * queries + 2 * keys);
  return projections + 2 * tokens ** 2 * queries + 3 * tokens * hiddenSize * intermediateSize;
}

function stage1Products({ tokens, total }: SampleLedger, { hiddenSize }: VisionConfig): number {
  const mixed = tokens.filter(({ weights }) => weights).length;
  const compared = tokens.filter(({ weights, pillar }) => weights && pillar !== undefined).length;
  return (mixed + compared) * total * hiddenSize;
}

/** At each cut, the mean of the text as a product of its weights with all tokens that enter the cut. */
function scoreProducts(sequences: readonly number[], { hiddenSize }: TextConfig): number {
  return sequences.reduce(
    (sum, tokens, layer) =>
      layer > 0 && tokens < sequences[layer - 1] ? sum + sequences[layer - 1] * hiddenSize : sum,
    0,
  );
}
