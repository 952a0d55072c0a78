import { type AverageTokens, averageCount } from "../budget.ts";

/**
 * Nüwa's split of an average a over the two cuts, for any grid of N patches and any decoder of L layers with
 * the second cut before layer ℓ.
 *
 * $$ \frac{\ell k + (L - \ell) k_2}{L} = a, \qquad k = \tfrac{7}{4} a, \quad k_2 = \tfrac{1}{4} a
 * \quad (\ell = L/2) $$
 *
 * The paper says: k = 112, 224, 336 and k₂ = 16, 32, 48 for averages of 64, 128, 192 of 576, which is this rule.
 * The released code does: the same, from a table of three entries. Here the rule is used for every average,
 * except where k would exceed the grid: k₂ then takes what is left of the average.
 *
 * @param average a
 * @param total all visual tokens (N)
 * @param layers L, decoder layers
 * @param cut ℓ, the layer before which the second cut is made
 * @throws UsageError when a is below one token or above N
 */
export function solveBudget(average: AverageTokens, total: number, layers: number, cut: number): Budget {
  const tokens = averageCount(average, total);
  const stage1 = Math.max(1, Math.min(total, Math.round((7 / 4) * tokens)));
  const left = Math.round((layers * tokens - cut * stage1) / (layers - cut));
  return { stage1, stage2: Math.max(1, Math.min(stage1, left)) };
}

/** How many visual tokens enter the LLM, and how many go on from the layer of the second cut. */
export interface Budget {
  /** k */
  readonly stage1: number;
  /** k₂ */
  readonly stage2: number;
}
