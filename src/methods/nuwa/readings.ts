import { patchCount } from "../../core/grid.ts";
import { type AverageTokens, averageCount, sharedOut } from "../budget.ts";
import type { PruningSize } from "../method.ts";
import { type Budget, solveBudget } from "./budget.ts";
import type { Stage1Constants } from "./constants.ts";
import { type NuwaSwitches, VARIANTS, type Variant } from "./variants.ts";

/**
 * How Nüwa is read on each family of models: what its released scripts do there, where they differ from what they do
 * on LLaVA-1.5. The paper gives numbers for three families and rules for one.
 */
export interface FamilyReading {
  /** The budget rule. */
  readonly budget: (average: AverageTokens, size: PruningSize, cutLayer: number) => Budget & RegionBudget;
  /** What each reading of the method changes of {@link VARIANTS}. */
  readonly switches: Readonly<Record<Variant, Partial<NuwaSwitches & Stage1Constants>>>;
}

/** How many patches of each region are candidates at least. */
interface RegionBudget {
  readonly leastPerRegion?: number;
}

const LLAVA: FamilyReading = {
  budget: (average, { total, layers }, cutLayer) => solveBudget(average, total, layers, cutLayer),
  switches: { official: {}, paper: {} },
};

/** k of the released script for averages of 160, 320 and 640 tokens on LLaVA-NeXT. */
const NEXT_BUDGETS: Readonly<Record<number, number>> = { 160: 290, 320: 582, 640: 1162 };

/**
 * LLaVA-NeXT. Two grids are pruned by themselves, and stage 2 leaves a tenth:
 *
 * $$ k = \left\lfloor \frac{L a}{\ell + (L - \ell)/10} + \tfrac12 \right\rfloor, \qquad
 * k_2 = \max(1, \lfloor k_{kept} / 10 \rfloor) $$
 *
 * The paper says: averages of 160, 320 and 640 of 2880. The released code does: k from a table for these three, which
 * the rule comes near to; at least 2 candidates a region (3 from 18a > 5N₀ on); pillars from the median on; τ as on a
 * grid of the size of the base tile, on the local grid, too.
 */
const LLAVA_NEXT: FamilyReading = {
  budget(average, size, cutLayer) {
    const { layers, total, grids } = size;
    const tokens = averageCount(average, total);
    if (tokens === total) return { stage1: total, stage2: total };
    const rule = Math.floor((layers * tokens) / (cutLayer + (layers - cutLayer) / 10) + 0.5);
    const stage1 = NEXT_BUDGETS[tokens] ?? rule;
    const kept = sharedOut(stage1, size).reduce((sum, share) => sum + share, 0);
    const leastPerRegion = 18 * tokens <= 5 * patchCount(grids[0]) ? 2 : 3;
    return { stage1, stage2: Math.max(1, Math.floor(kept / 10)), leastPerRegion };
  },
  switches: { official: { pillarQuantile: 0.5, distanceGrid: "first" }, paper: {} },
};

/** r₁ and r₂ of the released script for ratios of 1/4, 1/2 and 3/4 on Qwen2.5-VL. */
const QWEN_BUDGETS: Readonly<Record<number, readonly [number, number]>> = {
  0.25: [0.35, 0.42],
  0.5: [0.6, 0.66],
  0.75: [0.85, 0.7],
};

/**
 * Qwen2.5-VL. For a ratio r of N visual tokens
 *
 * $$ k = \lceil N r_1 \rceil, \quad k_2 = \max(1, \lfloor k r_2 \rfloor), \qquad
 * r_1 = r + \delta, \quad r_2 = \frac{r - \delta}{r + \delta}, \quad
 * \delta = \min(0.1, r/2, 1 - r) $$
 *
 * The paper says: ratios of 1/4, 1/2 and 3/4. The released code does: r₁ and r₂ from a table for these three (its
 * comments give the rule; 0.7 for 3/4 should be 0.76); at least 3 candidates a region, 4 above a half; nine of ten
 * anchors are pillars; τ = 0.8 of the largest distance of the grid with even sides; stage 2 by the last three rows of
 * the attention **in** layer ⌊L/2⌋, mean over rows, then the largest over heads, and the cut behind that layer.
 */
const QWEN: FamilyReading = {
  budget(average, { total }) {
    // A ratio is taken as it is: (2/5 · 12) / 12 is not 2/5 in float64, and the next number may be rounded up.
    const tokens = averageCount(average, total);
    const ratio = "ratio" in average ? average.ratio : tokens / total;
    const delta = Math.min(0.1, ratio / 2, 1 - ratio);
    const [r1, r2] = QWEN_BUDGETS[ratio] ?? [ratio + delta, (ratio - delta) / (ratio + delta)];
    const stage1 = Math.min(total, Math.ceil(total * r1));
    return { stage1, stage2: Math.max(1, Math.trunc(stage1 * r2)), leastPerRegion: ratio <= 0.5 ? 3 : 4 };
  },
  switches: {
    official: {
      pillarQuantile: 0.1,
      normalisation: "sum-to-one",
      distanceGrid: "even",
      distanceFraction: 0.64,
      similarStates: "full-attention",
      stage2Rows: "last-three",
      cutBehind: 1,
    },
    paper: { similarStates: "full-attention" },
  },
};

const READINGS: Readonly<Record<string, FamilyReading>> = { llava: LLAVA, llava_next: LLAVA_NEXT, qwen2_5_vl: QWEN };

/** The reading for a family; that of LLaVA-1.5 for one that the method has not been tried on. */
export function readingFor({ family }: Pick<PruningSize, "family">): FamilyReading {
  return READINGS[family] ?? LLAVA;
}

/** Everything in which the paper and its released code differ on a family, as one of the two reads it. */
export function switchesFor(variant: Variant, { family }: Pick<PruningSize, "family">): NuwaSwitches & Stage1Constants {
  return { ...VARIANTS[variant], ...readingFor({ family }).switches[variant] };
}
