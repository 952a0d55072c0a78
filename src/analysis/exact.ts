import { patchCount } from "../core/grid.ts";
import { enteringPerLayer, type SampleLedger, type VisualToken } from "../methods/ledger.ts";
import type { TextConfig, VisionConfig, VlmConfig } from "../model/llava/config.ts";
import { projectProducts } from "../model/llava/tower.ts";
import { attentionAheadProducts } from "../model/transformer/decoder.ts";

/** Floating-point operations of one prefill, part by part; a multiplication with its addition counts as two. */
export interface ExactCost {
  /** The vision tower: patch embedding and all of its blocks. */
  readonly visionTower: number;
  /** Choosing, merging and mixing tokens, whatever it takes beyond the unpruned model. */
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

/**
 * What one prompt costs in this program, whatever the method: the multiplications and additions of every matrix
 * product, and of every dot product that a selection makes on values that were read out. In contrast to the
 * paper's formula ({@link paperFlops}) it has Llama's gated MLP (three matrices), projections of grouped queries,
 * text tokens, the vision tower with the tokens that each block really has, the projector, the language head, and
 * what selection itself costs. Attention counts the whole square of the sequence, because it is computed before it
 * is masked. In a batch it is what the prompt costs alone: padding is left out.
 *
 * Elementwise work is left out: norms, softmax, activations, means and sorting; farthest points (DivPrune), the
 * distances and the rank's rotations of SparseVLM, NeuralSort. A selection may have much of it, but none of it is
 * tokens × width².
 */
export function exactCost(ledger: SampleLedger, config: VlmConfig): ExactCost {
  const { vision, text } = config;
  const { towerTokens, selection } = ledger;
  const visual = enteringPerLayer(ledger);
  const sequences = visual.map((tokens) => tokens + ledger.textTokens);
  const parts = {
    visionTower: 2 * towerProducts(vision, patchCount(ledger.grid), towerTokens),
    selection: 2 * (mergingProducts(vision, towerTokens) + selection.patches + sumOf(selection.cuts)),
    projector: 2 * projectProducts(visual[0], config),
    decoder: 2 * sumOf(sequences.map((tokens) => layerProducts(tokens, text))),
    lmHead: 2 * text.hiddenSize * text.vocabSize,
  };
  return {
    ...parts,
    flops: sumOf(Object.values(parts)),
    cacheBytes: sumOf(sequences) * cacheBytesPerToken(text),
  };
}

/** {@link exactCost} of the same prompt with every visual token in every layer and nothing chosen. */
export function exactUnprunedCost(ledger: SampleLedger, config: VlmConfig): ExactCost {
  const { grid, total, layers } = ledger;
  const token: VisualToken = { cell: 0, position: 0, pillar: undefined, weights: undefined, firstLayer: 0, layers };
  const whole: SampleLedger = {
    ...ledger,
    tokens: new Array<VisualToken>(total).fill(token),
    towerTokens: new Array<number>(config.vision.numHiddenLayers + 1).fill(patchCount(grid) + 1),
    selection: { patches: 0, cuts: [] },
  };
  return exactCost(whole, config);
}

/** Bytes of one token's key and value in the cache of one layer, as float32. */
export function cacheBytesPerToken({ numKeyValueHeads, headDim }: TextConfig): number {
  return 2 * numKeyValueHeads * headDim * 4;
}

/** Patch embedding, then in each block four projections and attention, and an MLP of two matrices on what is left. */
function towerProducts(config: VisionConfig, patches: number, tokens: readonly number[]): number {
  const { hiddenSize: width, intermediateSize, patchSize } = config;
  const attention = tokens.slice(0, -1).map((count) => 4 * count * width ** 2 + 2 * count ** 2 * width);
  const mlps = tokens.slice(1).map((count) => 2 * count * width * intermediateSize);
  return patches * 3 * patchSize ** 2 * width + sumOf(attention) + sumOf(mlps);
}

/** A block that merges T tokens into T' multiplies their weights, T' × T, with the tokens. */
function mergingProducts({ hiddenSize }: VisionConfig, tokens: readonly number[]): number {
  return sumOf(tokens.slice(1).map((after, block) => (after < tokens[block] ? after * tokens[block] * hiddenSize : 0)));
}

/** Queries, keys, values and attention; output; gate, up and down. */
function layerProducts(tokens: number, config: TextConfig): number {
  const { hiddenSize, intermediateSize, numAttentionHeads, headDim } = config;
  const rest = numAttentionHeads * headDim + 3 * intermediateSize;
  return attentionAheadProducts(tokens, config) + tokens * hiddenSize * rest;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
