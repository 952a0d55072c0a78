import type { Sample } from "../run/sample.ts";

/**
 * A figure that some samples give. It is computed from sums over scenes, so that it can be resampled by
 * scene without looking at the samples again, also where it is no mean.
 */
export interface Figure {
  readonly metric: string;
  /** What the samples of one scene add to the sums. */
  readonly add: (samples: readonly Sample[]) => readonly number[];
  /** The figure from the sums over all scenes; NaN when nothing was summed. */
  readonly score: (sums: readonly number[]) => number;
}

/** The mean of a value over samples. */
export function meanOf(metric: string, value: (sample: Sample) => number): Figure {
  return {
    metric,
    add: (samples) => [samples.reduce((sum, sample) => sum + value(sample), 0), samples.length],
    score: ([sum, count]) => sum / count,
  };
}

/** The share of correct answers. */
export const accuracy: Figure = meanOf("accuracy", ({ correct }) => Number(correct));

/** IoU thresholds of the RefCOCO harness; 0.5 is the reported one. */
const THRESHOLDS = [0.1, 0.3, 0.5, 0.7, 0.9] as const;

/** ACC@threshold and mean of an intersection over union. */
export function overlapFigures(prefix: string, iou: (sample: Sample) => number): Figure[] {
  return [
    ...THRESHOLDS.map((threshold) => meanOf(`${prefix}ACC@${threshold}`, (sample) => Number(iou(sample) >= threshold))),
    meanOf(`${prefix}mean IoU`, iou),
  ];
}

/** How the answers of a task become figures. */
export interface Scoring {
  /** Families in the order of tables; others follow alphabetically. */
  readonly families?: readonly string[];
  /** Figures of every family. */
  readonly figures: readonly Figure[];
  /** Families taken together. */
  readonly pools: readonly {
    readonly family: string;
    /** All, unless given. */
    readonly members?: readonly string[];
    readonly figures: readonly Figure[];
  }[];
  /** What tables and plots show: a metric, of one family or pool, or of every family. */
  readonly reported: { readonly metric: string; readonly family?: string };
}

/** The figures of a task whose questions are one family, called `all`. */
export function oneFamily(figures: readonly Figure[], metric: string): Scoring {
  return { figures, pools: [], reported: { metric } };
}
