/**
 * What the budget rules of methods that cut inside the decoder share. All averages count the visual tokens that
 * enter a decoder layer. A method that lets every token into its first layers cannot go below what these cost: it
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

/** Mean over the layers of the tokens that enter them. */
export function meanEntering(cuts: CutBudget, { total, layers }: DecoderSize): number {
  const starts = [0, ...cuts.map(({ layer }) => layer), layers];
  const counts = [total, ...cuts.map(({ keep }) => keep)];
  return counts.reduce((sum, count, i) => sum + count * (starts[i + 1] - starts[i]), 0) / layers;
}

/** The budget of a growing family whose mean is nearest to a target, by bisection of its parameter in [0, most]. */
export function nearest(
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

/** A value, or the bound that it lies beyond. */
export function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
