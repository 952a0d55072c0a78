import { type AverageTokens, averageCount } from "../budget.ts";
import { between, type CutBudget, type DecoderSize, meanEntering, nearest } from "../schedule.ts";

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
  // Scaled budgets would count tokens that are made of dropped ones.
  if (tokens === total) return at.map((layer) => ({ layer, keep: total }));
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
