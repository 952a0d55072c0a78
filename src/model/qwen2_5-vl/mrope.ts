import type { Grid } from "../../core/grid.ts";
import type { ImageShape } from "../image-shape.ts";

/**
 * **M-RoPE**: position ids on three axes, time, row and column. An image is one grid of cells; its tokens have the id
 * of the image's start in time, and count rows and columns from there. Text has the same id on all axes, and goes on
 * behind the longer side of the image. Which pairs of a head turn with which axis is `ropeSections`, see rope.ts.
 *
 * $$ (t, y, x) = (s, \; s + row, \; s + column), \qquad s' = s + \max(H, W) $$
 *
 * @see https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py
 *   (`get_rope_index`)
 * @see https://arxiv.org/abs/2409.12191, section 2.1
 */
export function shapeOf(grid: Grid): ImageShape {
  const { rows, columns } = grid;
  return {
    grids: [grid],
    tiles: [1],
    extraTokens: 0,
    offsets: Array.from({ length: rows * columns }, (_, cell) => [0, Math.floor(cell / columns), cell % columns]),
    separators: [],
    length: Math.max(rows, columns),
  };
}
