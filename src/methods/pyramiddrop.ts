import { patchCount } from "../core/grid.ts";
import { readback } from "../core/readback.ts";
import type { CutBudget } from "./budget-peers.ts";
import { publishedPyramid, pyramidBudget } from "./budget-peers.ts";
import type { Cut, Method, MethodDefinition } from "./method.ts";
import { keepEverything } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { keepBest, lastTokenAttention } from "./nuwa/textguided.ts";

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
    const scores = tap("stage2.scores", lastTokenAttention(attentionAhead(), sequence));
    return { keep: keepBest(yield* readback(scores), sequence, keep) };
  };
}

/** {@link pyramiddrop} for the registry. Without an average it is the published schedule. */
export const definition: MethodDefinition<CutBudget> = {
  name: "pyramiddrop",
  summary: "the decoder in stages with fewer visual tokens in each, by the attention of the next layer",
  positions: "compressed",
  publishedAverage: true,
  budget: (average, { grid, layers }) => pyramidBudget(average, { total: patchCount(grid), layers }),
  create({ average, positions }, model) {
    const size = { total: patchCount(model.grid), layers: model.layers };
    return pyramiddrop({ stages: average ? definition.budget(average, model) : publishedPyramid(size), positions });
  },
};
