import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import { noTap } from "../../core/taps.ts";
import { attendInParts } from "../transformer/layers.ts";

/** Cells of a grid window by window. */
export interface Windows {
  /** Cells in the order in which the tower has them: window by window, in raster order inside. */
  readonly order: readonly number[];
  /** How many cells each window has; at the right and lower edge they may be fewer. */
  readonly lengths: readonly number[];
}

/**
 * Windows of the tower's attention: squares of cells in raster order.
 *
 * @param side of a window in cells
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py
 *   (`get_window_index`)
 */
export function windowsOf({ rows, columns }: Grid, side: number): Windows {
  const order: number[] = [];
  const lengths: number[] = [];
  for (let top = 0; top < rows; top += side)
    for (let left = 0; left < columns; left += side) {
      const before = order.length;
      for (let row = top; row < Math.min(top + side, rows); row++)
        for (let column = left; column < Math.min(left + side, columns); column++) order.push(row * columns + column);
      lengths.push(order.length - before);
    }
  return { order, lengths };
}

/**
 * Attention inside windows of consecutive patches. Windows of one length are computed together; no tap sees them.
 *
 * @param lengths of the windows, in patches
 */
export function attendInWindows(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  lengths: readonly number[],
): tf.Tensor4D {
  const [images, heads, patches, width] = q.shape;
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, own) => sum + own, 0));
  const outputs: tf.Tensor[] = [];
  const order: number[] = [];
  for (const length of new Set(lengths)) {
    const rows = lengths.flatMap((own, i) =>
      own === length ? Array.from({ length }, (_, patch) => starts[i] + patch) : [],
    );
    const count = rows.length / length;
    const index = tf.tensor1d(rows, "int32");
    // [I, h, P, d] → [I·h, windows, patches of a window, d]
    const [queries, keys, values] = [q, k, v].map((x) =>
      tf.gather(x, index, 2).reshape<tf.Tensor4D>([images * heads, count, length, width]),
    );
    const { output } = attendInParts(queries, keys, values, undefined, noTap, "vision.0");
    outputs.push(output.reshape([images, heads, count * length, width]));
    order.push(...rows);
  }
  const back = new Array<number>(patches);
  order.forEach((patch, row) => {
    back[patch] = row;
  });
  return tf.gather(tf.concat(outputs, 2), tf.tensor1d(back, "int32"), 2) as tf.Tensor4D;
}
