import { UsageError } from "../core/errors.ts";
import { readback } from "../core/readback.ts";
import { type AverageTokens, averageCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { keepBest, lastTokenScores } from "./nuwa/textguided.ts";
import { between, type DecoderSize } from "./schedule.ts";

/** Parameters of {@link fastv}. */
export interface FastvOptions {
  /** R: how many visual tokens go on. */
  readonly keep: number;
  /** K: the cut is made before this decoder layer, counted from 0 (2). */
  readonly layer?: number;
  /** The released code keeps the ids. Under other policies they are given anew to what is left. */
  readonly positions?: PositionPolicy;
}

/**
 * FastV: before decoder layer K, only the visual tokens stay that the last prompt token attended to most in
 * layer K − 1, mean over heads.
 *
 * Source: Chen et al., "An Image is Worth 1/2 Tokens After Layer 2", ECCV 2024, arXiv 2403.06764; released
 * code: github.com/pkunlp-icler/FastV, its in-place variant, which drops tokens instead of masking them.
 *
 * @throws UsageError when no layer lies before the cut
 */
export function fastv({ keep, layer = 2, positions = "original" }: FastvOptions): Method {
  if (!Number.isInteger(layer) || layer < 1)
    throw new UsageError(`FastV: layer ${layer} has no layer before it to take attention from. Give 1 or more.`);
  return {
    name: "fastv",
    positions,
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map([
      [
        layer,
        function* ({ attentionRows, sequence, tap }) {
          const scores = tap("stage2.scores", lastTokenScores(attentionRows, sequence));
          return { keep: keepBest(yield* readback(scores), sequence, keep) };
        },
      ],
    ]),
  };
}

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
 * K, before which FastV and DART cut: 2 as published, for 32 layers. In a shallow decoder two whole layers would be
 * most of the budget, and it is 1.
 */
export function publishedLayer(layers: number): number {
  return layers < 16 ? 1 : 2;
}

/** {@link fastv} for the registry. */
export const definition: MethodDefinition<{ readonly keep: number; readonly layer: number }> = {
  name: "fastv",
  summary: "one cut in the decoder by the attention of the last prompt token",
  positions: "original",
  taps: ["stage2.scores", "stage2.indices"],
  budget(average, { total, layers }) {
    const layer = publishedLayer(layers);
    return { keep: fastvBudget(average, { total, layers }, layer), layer };
  },
  create: ({ average = DEFAULT_AVERAGE, positions }, size) => fastv({ ...definition.budget(average, size), positions }),
};
