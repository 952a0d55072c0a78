/** Linear warm-up to a peak, then half a cosine down to a fraction of it. */
export interface Schedule {
  readonly steps: number;
  readonly warmup: number;
  /** Highest learning rate. */
  readonly peak: number;
  /** Learning rate at the end, as a fraction of the peak. */
  readonly floor: number;
}

/**
 * The learning rate of a step (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
 *
 * @param step from 0
 */
export function learningRate(step: number, { steps, warmup, peak, floor }: Schedule): number {
  if (step < warmup) return (peak * (step + 1)) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
