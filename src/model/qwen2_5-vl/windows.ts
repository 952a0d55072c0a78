import * as tf from "@tensorflow/tfjs";
import type { Grid } from "../../core/grid.ts";
import type { TapName } from "../../core/tap-points.ts";
import { noTap, type Tap, wants } from "../../core/taps.ts";
import { attendInParts } from "../transformer/attention.ts";
import { MASKED } from "../transformer/sequence.ts";

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

/** Windows of one length, which are computed together. */
interface EqualWindows {
  /** In patches. */
  readonly length: number;
  /** Their patches, window by window. */
  readonly patches: readonly number[];
}

/**
 * Attention inside windows of consecutive patches. A tap sees scores and attention as [I, h, P, w], w being the length
 * of the longest window: the row of each patch over the patches of its own window; behind shorter windows scores are
 * those of a mask, and the attention is 0.
 *
 * @param lengths of the windows, in patches
 * @param prefix of the names that the tap sees
 */
export function attendInWindows(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  lengths: readonly number[],
  tap: Tap,
  prefix: `vision.${number}`,
): tf.Tensor4D {
  const [images, heads, patches, width] = q.shape;
  const groups = equalWindows(lengths);
  // [I, h, P, d] → for each length [I·h, windows, patches of a window, d]
  const [queries, keys, values] = [q, k, v].map((x) =>
    groups.map(({ length, patches: own }) =>
      tf.gather(x, tf.tensor1d([...own], "int32"), 2).reshape<tf.Tensor4D>([images * heads, -1, length, width]),
    ),
  );
  const watched = wants(tap, `${prefix}.attention_scores`) || wants(tap, `${prefix}.attention`);
  const outputs = watched
    ? attendWatched(queries, keys, values, groups, [images, heads, patches], tap, prefix)
    : groups.map((_, i) => attendInParts(queries[i], keys[i], values[i], undefined, noTap, prefix).output);
  const back = new Array<number>(patches);
  groups
    .flatMap((group) => group.patches)
    .forEach((patch, row) => {
      back[patch] = row;
    });
  const together = outputs.map((output) => output.reshape<tf.Tensor4D>([images, heads, -1, width]));
  return tap(`${prefix}.z`, tf.gather(tf.concat(together, 2), tf.tensor1d(back, "int32"), 2) as tf.Tensor4D);
}

function equalWindows(lengths: readonly number[]): EqualWindows[] {
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, own) => sum + own, 0));
  return [...new Set(lengths)].map((length) => ({
    length,
    patches: lengths.flatMap((own, i) =>
      own === length ? Array.from({ length }, (_, patch) => starts[i] + patch) : [],
    ),
  }));
}

/**
 * The attention of the windows of each length with all of their weights at once, for taps that look at them; what is
 * computed is the same as without a tap.
 */
function attendWatched(
  queries: readonly tf.Tensor4D[],
  keys: readonly tf.Tensor4D[],
  values: readonly tf.Tensor4D[],
  groups: readonly EqualWindows[],
  rows: readonly [images: number, heads: number, patches: number],
  tap: Tap,
  prefix: `vision.${number}`,
): tf.Tensor4D[] {
  const raw = queries.map((own, i) => tf.matMul(own.mul(own.shape[3] ** -0.5), keys[i], false, true) as tf.Tensor4D);
  const scores = shownTogether(tap, `${prefix}.attention_scores`, raw, MASKED, groups, rows);
  const softmax = scores.map((own) => tf.softmax(own) as tf.Tensor4D);
  const attention = shownTogether(tap, `${prefix}.attention`, softmax, 0, groups, rows);
  return attention.map((own, i) => tf.matMul(own, values[i]));
}

/**
 * Shows the weights of all windows to a tap as one [I, h, P, w], and takes them back from it.
 *
 * @param weights for each length [I·h, windows, length, length]
 * @param filler stands behind shorter windows; what a tap puts there is not read
 */
function shownTogether(
  tap: Tap,
  name: TapName,
  weights: readonly tf.Tensor4D[],
  filler: number,
  groups: readonly EqualWindows[],
  [images, heads, patches]: readonly [number, number, number],
): readonly tf.Tensor4D[] {
  if (!wants(tap, name)) return weights;
  const longest = Math.max(...groups.map(({ length }) => length));
  const flat = [...weights, tf.fill([images * heads, 1], filler)].map((own) => own.reshape([images * heads, -1]));
  const count = groups.reduce((sum, { length, patches: own }) => sum + own.length * length, 0);
  const index = new Int32Array(patches * longest).fill(count);
  let at = 0;
  // Where each weight stands in a row of P·w numbers.
  const places = groups.map((group) => {
    const own = placesOf(group, longest);
    for (const place of own) index[place] = at++;
    return tf.tensor1d(own, "int32");
  });
  const together = tf.gather(tf.concat(flat, 1), tf.tensor1d(index, "int32"), 1);
  const seen = tap(name, together.reshape([images, heads, patches, longest])).reshape([images * heads, -1]);
  return weights.map((own, i) => tf.gather(seen, places[i], 1).reshape(own.shape));
}

/** For each weight of windows of one length, window by window and row by row, its place in rows of a given width. */
function placesOf({ length, patches }: EqualWindows, rowWidth: number): number[] {
  return patches.flatMap((patch) => Array.from({ length }, (_, column) => patch * rowWidth + column));
}
