import * as tf from "@tensorflow/tfjs";
import type { Slot } from "../core/slots.ts";
import type { Measure } from "./measure.ts";
import { SEGMENTS, segmentRows } from "./segments.ts";

/**
 * How much each segment looks at each other, one matrix a layer: row `a` of {@link SEGMENTS} looks at column `b`.
 * Rows of a layer that holds nothing of a segment are zero, and so are their columns.
 */
export type SegmentFlow = readonly (readonly (readonly number[])[])[];

/**
 * **Attention flow** between segments (paper, section 2 and appendix B.4), layer by layer: the attention, mean over
 * heads, that a token of segment a pays to all of segment b, mean over the tokens of a:
 *
 * $$ F_{ab} = \frac{1}{|a|} \sum_{i \in a} \sum_{j \in b} \bar A_{ij} $$
 *
 * Rows of segments that a layer holds sum to 1. Segments are those of each layer's own sequence.
 */
export function attentionFlow(): Measure<SegmentFlow> {
  return ({ tapLayers }, watch) => {
    const layers = Array.from({ length: tapLayers.llm }, (_, i) =>
      watch.at(`llm.${i}.attention`, (attention, { sequence = [] }) =>
        flowBetween(attention.mean(1).squeeze([0]), sequence[0]),
      ),
    );
    return async () => Promise.all(layers.map(async (layer) => matrixOf((await layer())[0])));
  };
}

/**
 * Sums over the columns of segments and means over their rows: [S, S] → [4, 4].
 *
 * @param slots what stands where in the sequence
 */
export function flowBetween(attention: tf.Tensor, slots: readonly Slot[]): tf.Tensor2D {
  const rows = segmentRows(slots);
  const marks = SEGMENTS.map((name) => slots.map((_, row) => Number(rows[name].includes(row))));
  const members = tf.tensor2d(marks); // [4, S]
  const sizes = members.sum(1, true).maximum(1); // [4, 1]
  return tf.matMul(tf.matMul(members.div(sizes), attention as tf.Tensor2D), members, false, true);
}

/** Sixteen numbers, row by row. */
export function matrixOf(values: Float32Array): number[][] {
  const width = SEGMENTS.length;
  return SEGMENTS.map((_, row) => [...values.subarray(row * width, (row + 1) * width)]);
}
