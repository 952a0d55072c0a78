import { patchCount } from "../core/grid.ts";
import { checkScores } from "../core/ranking.ts";
import { readback } from "../core/readback.ts";
import { wholeCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { allCosines, perImage, requirePatches } from "./patches.ts";

/** How SCOPE weighs coverage and saliency. */
export interface ScopeWeighing {
  /** α: the power of the saliency (1). With 0 only coverage counts. */
  readonly alpha?: number;
  /** The score is gain · saliency^α (the default), or gain + saliency^α, which the released code can be set to. */
  readonly combined?: "product" | "sum";
}

/** Parameters of {@link scope}. */
export interface ScopeOptions extends ScopeWeighing {
  /** How many patches go on. */
  readonly keep: number;
  readonly positions?: PositionPolicy;
}

/**
 * SCOPE: patches that cover what is not covered yet, weighted by their saliency. Saliency is the attention of the class
 * token, summed over heads; a patch covers others as much as its features are like theirs, see {@link coveringPatches}.
 *
 * Source: Deng et al., "SCOPE: Saliency-Coverage Oriented Token Pruning for Efficient Multimodal LLMs", NeurIPS 2025,
 * arXiv 2510.24214; released code: github.com/kinredon/SCOPE. There, patches that add no coverage are taken in raster
 * order, whatever their saliency; here the more salient go first.
 */
export function scope({ keep, positions = "compressed", ...weighing }: ScopeOptions): Method {
  return {
    name: "scope",
    needs: ["class-attention"],
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen, tap) {
      requirePatches("scope", seen);
      const total = patchCount(seen.grid);
      const saliency = perImage(yield* readback(tap("stage1.salience", seen.clsAttention)), total);
      const cosines = perImage(yield* readback(allCosines(seen.features)), total * total);
      return {
        cells: saliency.map((own, image) =>
          coveringPatches(cosines[image], own, seen.share(keep), weighing).sort((a, b) => a - b),
        ),
      };
    },
    cuts: new Map(),
  };
}

/** A patch that could be chosen next. */
interface Candidate {
  readonly patch: number;
  readonly score: number;
  readonly gain: number;
  /** How many patches had been chosen when it was scored. */
  readonly round: number;
}

/** The share of a patch that rounding may seem to cover in float32. */
const ROUNDING = 1e-6;

/**
 * Greedy selection of the patches that add most coverage for their saliency. With best_i the largest cosine of patch i
 * with a chosen one, 0 at first,
 *
 * $$ \text{gain}_j = \sum_i \max(0, C_{ij} - \text{best}_i), \qquad \text{score}_j = \text{gain}_j \cdot m_j^\alpha $$
 *
 * Of equal scores the larger gain wins, then the larger saliency, then the lower index: so patches of attention 0 go
 * before those that add nothing, and among those that add nothing the more salient go first.
 *
 * @param cosines C, [N][N], row-major
 * @param saliency m, [N]; attention, so that a value below 0 counts as 0
 * @returns indices in the order in which they were chosen
 */
export function coveringPatches(
  cosines: Float32Array,
  saliency: Float32Array,
  count: number,
  { alpha = 1, combined = "product" }: ScopeWeighing = {},
): number[] {
  checkScores("SCOPE's cosines", cosines);
  checkScores("SCOPE's saliency", saliency);
  const total = saliency.length;
  const covered = new Float64Array(total);
  const chosen: number[] = [];
  const scored = (patch: number): Candidate => {
    let sum = 0;
    for (let i = 0; i < total; i++) sum += Math.max(0, cosines[patch * total + i] - covered[i]);
    const gain = sum > ROUNDING * total ? sum : 0;
    const worth = Math.max(0, saliency[patch]) ** alpha;
    return { patch, gain, score: combined === "sum" ? gain + worth : gain * worth, round: chosen.length };
  };
  const before = (a: Candidate, b: Candidate) =>
    b.score - a.score || b.gain - a.gain || saliency[b.patch] - saliency[a.patch] || a.patch - b.patch;
  let left = Array.from({ length: total }, (_, patch) => scored(patch));
  while (chosen.length < count) {
    // A gain can only fall while more is covered. So an old score is a bound, and the first that is new is the largest.
    let top = left.reduce((first, other) => (before(other, first) < 0 ? other : first));
    while (top.round < chosen.length) {
      const renewed = scored(top.patch);
      left = left.map((one) => (one.patch === renewed.patch ? renewed : one));
      top = left.reduce((first, other) => (before(other, first) < 0 ? other : first));
    }
    chosen.push(top.patch);
    left = left.filter(({ patch }) => patch !== top.patch);
    for (let i = 0; i < total; i++) covered[i] = Math.max(covered[i], cosines[top.patch * total + i]);
  }
  return chosen;
}

/** {@link scope} for the registry. */
export const definition: MethodDefinition<number> = {
  name: "scope",
  summary: "patches that cover what is not covered yet, weighted by class attention",
  positions: "compressed",
  taps: ["stage1.salience"],
  budget: (average, { total }) => wholeCount(average, total),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(average, size, scope({ keep: definition.budget(average, size), positions })),
};
