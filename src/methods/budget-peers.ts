import { type AverageTokens, averageCount } from "./budget.ts";

/**
 * Parameters of the peer methods for a target average. All averages count the visual tokens that enter a
 * decoder layer. A method that lets every token into its first layers cannot go below what these cost: it
 * then keeps one token behind them, and what came out stands in the ledger.
 */

/** What budgets inside the decoder depend on. */
export interface DecoderSize {
  /** Visual tokens of the unpruned image (N). */
  readonly total: number;
  /** Decoder layers (L). */
  readonly layers: number;
}

/** Cuts inside the decoder: before which layer, and how many visual tokens stay. */
export type CutBudget = readonly { readonly layer: number; readonly keep: number }[];

/**
 * FastV's R for its K: (K·N + (L − K)·R)/L = a. On 576 tokens and 32 layers it gives the published 166, 98,
 * 30 for K = 2 and 152, 82, 11 for K = 3.
 *
 * @param layer K
 * @throws UsageError when the average does not fit the model
 */
export function fastvBudget(average: AverageTokens, { total, layers }: DecoderSize, layer: number): number {
  const tokens = averageCount(average, total);
  return between(1, Math.round((layers * tokens - layer * total) / (layers - layer)), total);
}

/**
 * VisionZip's split: of 64 tokens 54 are dominant, the class token among them, and 10 contextual; 108 and
 * 20 of 128, 162 and 30 of 192. Other sums are split in the same ratio.
 *
 * @throws UsageError when the average does not fit the model
 */
export function visionzipBudget(average: AverageTokens, total: number): { dominant: number; contextual: number } {
  const tokens = Math.round(averageCount(average, total));
  const contextual = Math.min(tokens - 1, Math.round((tokens * 10) / 64));
  return { dominant: tokens - contextual, contextual };
}

/** SparseVLM's published budgets of 576 tokens, by their nominal average. */
const SPARSEVLM = [
  { share: 0, keep: [0, 0, 0] },
  { share: 64 / 576, keep: [66, 30, 17] },
  { share: 128 / 576, keep: [303, 110, 36] },
  { share: 192 / 576, keep: [300, 200, 110] },
  { share: 1, keep: [576, 576, 576] },
] as const;

/**
 * SparseVLM's budgets behind its three cuts. In 32 layers, averages of 1/3, 2/9 and 1/9 give the published
 * numbers (their real average is a little higher than the nominal one). Elsewhere the cuts stand at the
 * same fractions of the depth, and the budgets, interpolated between the published ones, are scaled until
 * the average with the recycled tokens is met as nearly as whole numbers allow.
 *
 * @throws UsageError when the average does not fit the model
 */
export function sparsevlmBudget(average: AverageTokens, { total, layers }: DecoderSize): CutBudget {
  const tokens = averageCount(average, total);
  const at = sparsevlmLayers(layers);
  const share = tokens / total;
  const published = SPARSEVLM.find((row) => Math.abs(row.share - share) < 1e-9);
  const above = Math.max(
    1,
    SPARSEVLM.findIndex((row) => row.share >= share - 1e-9),
  );
  const [low, high] = [SPARSEVLM[above - 1], SPARSEVLM[above]];
  const part = (share - low.share) / (high.share - low.share);
  const shape = low.keep.map((count, i) => ((count + part * (high.keep[i] - count)) * total) / 576);
  const scaled = (factor: number): CutBudget => {
    let left = total;
    return at.map((layer, i) => {
      left = between(1, Math.round(factor * shape[i]), left);
      return { layer, keep: left };
    });
  };
  if (published && layers === 32) return scaled(1);
  return nearest(scaled, (budget) => meanEntering(withRecycled(budget, total), { total, layers }), tokens, total);
}

/** Cuts after layers 2, 6 and 15 of 32, and at the same depths of others. */
function sparsevlmLayers(layers: number): number[] {
  let before = 0;
  return [3, 7, 16]
    .map((layer) => {
      before = Math.max(before + 1, Math.round((layer * layers) / 32));
      return before;
    })
    .filter((layer) => layer < layers);
}

/** How many of the dropped tokens SparseVLM recycles, and into how many. */
export function recycledCounts(dropped: number): { sources: number; clusters: number } {
  if (dropped === 0) return { sources: 0, clusters: 0 };
  const sources = Math.min(dropped, Math.floor(dropped * 0.3) + 1);
  return { sources, clusters: Math.min(sources, Math.floor(sources / 10) + 1) };
}

function withRecycled(budget: CutBudget, total: number): CutBudget {
  let left = total;
  return budget.map(({ layer, keep }) => {
    const kept = Math.min(keep, left);
    left = kept + recycledCounts(left - kept).clusters;
    return { layer, keep: left };
  });
}

/**
 * PyramidDrop's published schedule: a half, a quarter, an eighth of the tokens after a quarter, a half and
 * three quarters of the layers. It averages 270 of 576 tokens in 32 layers.
 */
export function publishedPyramid({ total, layers }: DecoderSize): CutBudget {
  return [1, 2, 3]
    .map((stage) => ({ layer: Math.floor((stage * layers) / 4), keep: Math.max(1, Math.floor(total / 2 ** stage)) }))
    .filter(({ layer }, i, all) => layer > 0 && layer !== all[i - 1]?.layer);
}

/**
 * PyramidDrop for an average: stages of q layers, the last one longer, keep λ, λ² and λ³ of the tokens. The
 * published q = L/4 is taken where some λ of at least 1/4 meets the average, and a shorter one elsewhere,
 * because the first stage alone costs q·N/L.
 *
 * @throws UsageError when the average does not fit the model
 */
export function pyramidBudget(average: AverageTokens, { total, layers }: DecoderSize): CutBudget {
  const tokens = averageCount(average, total);
  const schedule = (stage: number, ratio: number): CutBudget =>
    [1, 2, 3]
      .map((i) => ({ layer: i * stage, keep: between(1, Math.round(total * ratio ** i), total) }))
      .filter(({ layer }) => layer < layers);
  const mean = (budget: CutBudget) => meanEntering(budget, { total, layers });
  let stage = Math.max(1, Math.floor(layers / 4));
  while (stage > 1 && mean(schedule(stage, 1 / 4)) > tokens) stage--;
  return nearest((ratio) => schedule(stage, ratio), mean, tokens, 1);
}

/** Mean over the layers of the tokens that enter them. */
export function meanEntering(cuts: CutBudget, { total, layers }: DecoderSize): number {
  const starts = [0, ...cuts.map(({ layer }) => layer), layers];
  const counts = [total, ...cuts.map(({ keep }) => keep)];
  return counts.reduce((sum, count, i) => sum + count * (starts[i + 1] - starts[i]), 0) / layers;
}

/** The budget of a growing family whose mean is nearest to a target, by bisection of its parameter in [0, most]. */
function nearest(
  family: (parameter: number) => CutBudget,
  mean: (budget: CutBudget) => number,
  target: number,
  most: number,
): CutBudget {
  let [low, high] = [0, most];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (mean(family(middle)) < target) low = middle;
    else high = middle;
  }
  const [below, above] = [family(low), family(high)];
  return target - mean(below) < mean(above) - target ? below : above;
}

/**
 * ToMe's r for each block: the tokens that are too many, spread evenly over the blocks up to the features.
 * No block can merge more than half of its patches away, so that shallow towers merge more in their first
 * blocks, and not every average can be met.
 *
 * @param blocks of the tower that the features go through
 * @throws UsageError when the average does not fit the model
 */
export function tomeBudget(average: AverageTokens, total: number, blocks: number): number[] {
  const target = Math.round(averageCount(average, total));
  let left = total;
  return Array.from({ length: blocks }, (_, block) => {
    const behind = blocks - block - 1;
    // An even step, or a longer one where the blocks behind could not halve the rest down to the target.
    const wanted = Math.max(Math.ceil((left - target) / (behind + 1)), left - target * 2 ** behind);
    const merged = Math.min(Math.floor(left / 2), wanted);
    left -= merged;
    return merged;
  });
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
