import { readback } from "../core/readback.ts";
import { type AverageTokens, averageCount } from "./budget.ts";
import type { Cut, Method, MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { keepBest, lastTokenScores } from "./nuwa/textguided.ts";
import { between, type CutBudget, type DecoderSize, meanEntering, nearest } from "./schedule.ts";

/** Parameters of {@link pyramiddrop}. */
export interface PyramiddropOptions {
  /** Before which layers how many visual tokens stay; the published schedule or one solved for an average. */
  readonly stages: CutBudget;
  /** The released code numbers all tokens anew after each drop. */
  readonly positions?: PositionPolicy;
}

/**
 * PyramidDrop: the decoder in stages, and fewer visual tokens in each. Behind a stage the tokens are scored
 * by the attention that the last instruction token would pay to them in the **next** layer, with that
 * layer's queries and keys and the ids from before the drop.
 *
 * Source: Xing et al., "PyramidDrop", CVPR 2025, arXiv 2410.17247; released code:
 * github.com/Cooperx521/PyramidDrop.
 */
export function pyramiddrop({ stages, positions = "compressed" }: PyramiddropOptions): Method {
  return {
    name: "pyramiddrop",
    positions,
    idsAfterCut: "anew",
    selectPatches: keepEverything,
    cuts: new Map(stages.map(({ layer, keep }) => [layer, drop(keep)])),
  };
}

function drop(keep: number): Cut {
  return function* ({ attentionAhead, sequence, tap }) {
    const scores = tap("stage2.scores", lastTokenScores(attentionAhead, sequence));
    return { keep: keepBest(yield* readback(scores), sequence, keep) };
  };
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

/** {@link pyramiddrop} for the registry. Without an average it is the published schedule. */
export const definition: MethodDefinition<CutBudget> = {
  name: "pyramiddrop",
  summary: "the decoder in stages with fewer visual tokens in each, by the attention of the next layer",
  positions: "compressed",
  taps: ["stage2.scores", "stage2.indices"],
  publishedAverage: true,
  budget: pyramidBudget,
  create: ({ average, positions }, size) =>
    pyramiddrop({ stages: average ? definition.budget(average, size) : publishedPyramid(size), positions }),
};
