import type { Grid } from "../../core/grid.ts";

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
