import type { ExactCost } from "../../../src/analysis/cost/meter.ts";
import { patchCount } from "../../../src/core/grid.ts";
import { enteringPerLayer, type SampleLedger } from "../../../src/methods/ledger.ts";
import { patchesPerRegion } from "../../../src/methods/nuwa/alignment.ts";
import { regionsOf } from "../../../src/methods/nuwa/separation.ts";
import type { CutBudget } from "../../../src/methods/schedule.ts";
import { recycledCounts } from "../../../src/methods/sparsevlm/budget.ts";
import type { LlavaConfig } from "../../../src/model/llava/config.ts";
import type { TextConfig } from "../../../src/model/transformer/config.ts";

/**
 * What a prefill must cost, computed from sizes alone: an account of the program that is independent of the meter.
 * Everything is counted in products, a multiplication with its addition each.
 */

/** Sizes of a pass, by the letters of the paper: N patches, D and Hd wide, k tokens entering the decoder. */
export interface Sizes {
  readonly config: LlavaConfig;
  readonly ledger: SampleLedger;
  readonly patches: number;
  readonly width: number;
  readonly decoderWidth: number;
  readonly kept: number;
}

export function sizesOf(config: LlavaConfig, ledger: SampleLedger): Sizes {
  const [width, decoderWidth] = [config.vision.hiddenSize, config.text.hiddenSize];
  return {
    config,
    ledger,
    patches: patchCount(ledger.images[0].grids[0]),
    width,
    decoderWidth,
    kept: enteringPerLayer(ledger)[0],
  };
}

/**
 * @param selection products of choosing and mixing, without merges inside the tower
 * @param towerTokens of every hidden state of the tower; all patches and the class token unless given
 * @param projected tokens that go through the projector; those that enter the first layer unless given
 */
export function closedCost(
  sizes: Sizes,
  selection: number,
  towerTokens = unmergedTower(sizes),
  projected = sizes.kept,
): ExactCost {
  const { config, ledger, decoderWidth } = sizes;
  const { numKeyValueHeads, headDim, vocabSize } = config.text;
  const sequences = enteringPerLayer(ledger).map((tokens) => tokens + ledger.textTokens);
  const parts = {
    visionTower: 2 * towerProducts(sizes, towerTokens),
    selection: 2 * (selection + mergingProducts(sizes, towerTokens)),
    projector: 2 * projectorProducts(sizes, projected),
    decoder: 2 * sumOf(sequences.map((tokens) => layerProducts(tokens, config.text))),
    lmHead: 2 * decoderWidth * vocabSize,
  };
  const cacheBytes = sumOf(sequences) * 2 * numKeyValueHeads * headDim * 4;
  return { ...parts, flops: sumOf(Object.values(parts)), cacheBytes };
}

function unmergedTower({ config, patches }: Sizes): number[] {
  return new Array<number>(config.vision.numHiddenLayers + 1).fill(patches + 1);
}

/** Tokens of every hidden state where blocks up to that of the features merge; half of the patches at most. */
export function mergedTower({ config, patches }: Sizes, merged: readonly number[]): number[] {
  const featureBlock = config.facts.featureBlocks - 1;
  const tokens = [patches + 1];
  for (let block = 0; block < config.vision.numHiddenLayers; block++) {
    const most = block > featureBlock ? 0 : Math.floor((tokens[block] - 1) / 2);
    tokens.push(tokens[block] - Math.min(merged[block] ?? 0, most));
  }
  return tokens;
}

/** Patch embedding, then in each block four projections and attention, and an MLP of two matrices on what is left. */
function towerProducts({ config, patches, width }: Sizes, tokens: readonly number[]): number {
  const { intermediateSize, patchSize } = config.vision;
  const attention = tokens.slice(0, -1).map((count) => 4 * count * width ** 2 + 2 * count ** 2 * width);
  const mlps = tokens.slice(1).map((count) => 2 * count * width * intermediateSize);
  return patches * 3 * patchSize ** 2 * width + sumOf(attention) + sumOf(mlps);
}

/** A block that merges T tokens into T' multiplies their weights, T' × T, with the tokens. */
function mergingProducts({ width }: Sizes, tokens: readonly number[]): number {
  return sumOf(tokens.slice(1).map((after, block) => (after < tokens[block] ? after * tokens[block] * width : 0)));
}

function projectorProducts({ width, decoderWidth }: Sizes, tokens: number): number {
  return tokens * (width + decoderWidth) * decoderWidth;
}

/** Queries, keys, values and attention; output; gate, up and down. */
export function layerProducts(tokens: number, config: TextConfig): number {
  const { hiddenSize, intermediateSize, numAttentionHeads, headDim } = config;
  const rest = numAttentionHeads * headDim + 3 * intermediateSize;
  return attentionProducts(tokens, config) + tokens * hiddenSize * rest;
}

function attentionProducts(tokens: number, config: TextConfig): number {
  const { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim } = config;
  const queries = numAttentionHeads * headDim;
  return tokens * hiddenSize * (queries + 2 * numKeyValueHeads * headDim) + 2 * tokens ** 2 * queries;
}

/** Queries and keys of one block of the tower, computed anew: two of T × D × D. */
function queriesAndKeys({ patches, width }: Sizes): number {
  return 2 * (patches + 1) * width ** 2;
}

/** Tokens mixed from all patches: k × N × D. */
function mixing({ kept, patches, width }: Sizes): number {
  return kept * patches * width;
}

/** What each method's own choosing takes. */
export const CHOOSING = {
  nothing: () => 0,

  pooling: mixing,

  /** Cosines of k anchors with all patches; with a soft selection of all patches, and the relaxed ranking. */
  nuwa(sizes: Sizes, selection: "hard" | "straight-through" | "relaxed" = "hard", regionSize = 2): number {
    const { kept, patches, width, ledger } = sizes;
    if (kept === patches) return 0;
    const regions = regionsOf(ledger.images[0].grids[0], regionSize);
    const each = patchesPerRegion(regions, kept);
    const candidates = sumOf(regions.map((region) => Math.min(region.length, each)));
    const soft = patches ** 2 * width + (1 + kept) * candidates * patches + kept * patches ** 2;
    const hard = kept * patches * width;
    return (selection === "relaxed" ? 0 : hard) + (selection === "hard" ? 0 : soft) + mixing(sizes);
  },

  /** The mean of the text, 1 × S × Hd, of the sequence that is compared. */
  cosineToText: ({ decoderWidth }: Sizes, sequence: number) => sequence * decoderWidth,

  /** All pairs of projected tokens. */
  divprune(sizes: Sizes): number {
    return projectorProducts(sizes, sizes.patches) + sizes.patches ** 2 * sizes.decoderWidth;
  },

  /** All pairs of features. */
  allPairs: ({ patches, width }: Sizes) => patches ** 2 * width,

  /**
   * The text's mean direction over the whole sequence, and each chosen token with all: no more than there are dimensions,
   * after which nothing is left to compare.
   */
  cdpruner({ ledger, patches, decoderWidth, kept }: Sizes): number {
    return (patches + ledger.textTokens + Math.min(kept, decoderWidth) * patches) * decoderWidth;
  },

  /** HoloV in the paper's reading: projected tokens, and all pairs of two different ones in each crop. */
  holov(sizes: Sizes, crops: readonly number[]): number {
    return projectorProducts(sizes, sizes.patches) + sumOf(crops.map((own) => own * (own - 1))) * sizes.decoderWidth;
  },

  /** Attention of all tokens in two blocks. */
  hiprune(sizes: Sizes): number {
    return 2 * (queriesAndKeys(sizes) + (sizes.patches + 1) ** 2 * sizes.width);
  },

  /** Cosines of what is merged with the targets, in the width of one head; the class token can be a source. */
  visionzip(sizes: Sizes, { dominant, contextual }: { dominant: number; contextual: number }): number {
    const { patches, width, config, kept } = sizes;
    const targets = Math.min(contextual, patches - dominant + 1);
    const others = patches - (dominant - 1) - targets;
    const cosines = (others * targets * width) / config.vision.numAttentionHeads;
    return queriesAndKeys(sizes) + cosines + kept * (patches + 1) * width;
  },

  /** The class token's row of attention, and the cosines of every centre with all other patches. */
  prumerge(sizes: Sizes): number {
    const { kept, patches, width } = sizes;
    return queriesAndKeys(sizes) + (patches + 1 + (kept - 1) * (patches - 1)) * width + mixing(sizes);
  },

  /** Cosines of every other token, without the class token, with the rest, in each block that merged. */
  tome({ width, config }: Sizes, tokens: readonly number[]): number {
    const pairs = (count: number) => (Math.ceil(count / 2) - 1) * Math.floor(count / 2);
    const merging = tokens.slice(0, -1).filter((count, block) => tokens[block + 1] < count);
    return (sumOf(merging.map(pairs)) * width) / config.vision.numAttentionHeads;
  },

  /** At each cut V·Tᵀ of the visual tokens with the text behind them, and the mixing of what is recycled. */
  sparsevlm({ ledger, decoderWidth, kept }: Sizes, stages: CutBudget, textBehind: number): number {
    let left = kept;
    return sumOf(
      stages.map(({ keep }) => {
        const stay = Math.min(keep, left);
        const { clusters } = recycledCounts(left - stay);
        const products = (kept * textBehind + clusters * (left + ledger.textTokens)) * decoderWidth;
        left = stay + clusters;
        return products;
      }),
    );
  },

  /** At each cut queries and keys of the layer to come, and what the last token pays to all. */
  pyramiddrop({ ledger, config, decoderWidth }: Sizes, stages: CutBudget): number {
    const { numAttentionHeads, numKeyValueHeads, headDim } = config.text;
    const entering = enteringPerLayer(ledger);
    const ofToken = decoderWidth * (numAttentionHeads + numKeyValueHeads) * headDim + numAttentionHeads * headDim;
    return sumOf(stages.map(({ layer }) => (entering[layer - 1] + ledger.textTokens) * ofToken));
  },

  /** Cosines of the pivots with all tokens, at the states entering the layer of the cut. */
  dart(
    { ledger, decoderWidth }: Sizes,
    { layer, visualPivots }: { layer: number; visualPivots: number },
    text: number,
  ) {
    const pivots = visualPivots + Math.min(4, text);
    return pivots * (enteringPerLayer(ledger)[layer - 1] + ledger.textTokens) * decoderWidth;
  },

  /** At each cut what the last token would pay to all. */
  feather({ ledger, config: { text } }: Sizes, layers: readonly number[]): number {
    const entering = enteringPerLayer(ledger);
    const tokens = layers.map((layer) => entering[layer - 1] + ledger.textTokens);
    return sumOf(tokens) * text.numAttentionHeads * text.headDim;
  },

  /** Values of the text with those of all tokens, twice: no tiny image has a seed. */
  ivcprune({ ledger, config: { text } }: Sizes, layer: number, textBehind: number): number {
    const tokens = enteringPerLayer(ledger)[layer - 1] + ledger.textTokens;
    return 2 * (textBehind - 2) * tokens * text.numKeyValueHeads * text.headDim;
  },
};

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
