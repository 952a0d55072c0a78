/*
 * What the released code of Nüwa makes of the two other families, where that is plainly a fault: for the page only, the
 * project does none of it.
 *
 * Source: https://github.com/Man-PaperRejected/Nuwa (nuwa/clip_encoder.py, nuwa/llava_arch.py, modeling_llama.py in its
 * copy of transformers; Vscan/qwen/model/qwen2_5vl_nuwa.py), read for facts.
 */
import { type Grid, squaredDistance } from "../../src/core/grid.ts";
import type { Picture } from "../../src/core/resample.ts";
import { imagePositions } from "../../src/methods/nuwa/positions.ts";
import { cellCount, firstCells, type ImageShape } from "../../src/model/image-shape.ts";
import { type TileGrid, type Unpadded, unpadded } from "../../src/model/llava-next/resolution.ts";
import { windowsOf } from "../../src/model/qwen2_5-vl/windows.ts";
import { withSeparators } from "../../src/pipeline/prompts.ts";
import type { AllSeen } from "./photograph.ts";

/** The tile grid with rows and columns exchanged, and what is left of its cells without "padding". */
export function swappedTiles({ photograph, next }: Pick<AllSeen, "photograph" | "next">): {
  readonly tiles: TileGrid;
  readonly stitched: Grid;
  readonly left: Unpadded;
} {
  const { tiles, side } = next.tiling;
  const swapped = { rows: tiles.columns, columns: tiles.rows };
  const stitched = { rows: swapped.rows * side, columns: swapped.columns * side };
  return { tiles: swapped, stitched, left: unpadded(photograph, stitched) };
}

/** One row of the image in a pruned prompt. */
export interface PromptRow {
  /** The cell of its grid; undefined for a newline. */
  readonly cell?: { readonly grid: number; readonly row: number; readonly column: number };
  /** The project's position id. */
  readonly id: number;
  readonly releasedId: number;
  /** Whether stage 2 of the released code may drop it. */
  readonly competes: boolean;
}

/**
 * Rows and ids of a pruned image of LLaVA-NeXT. The released code writes the ids of the k kept cells over the first k
 * rows, newlines among them, and lets the rest, the text included, count on from there.
 *
 * @param kept cells of all grids, ascending
 */
export function promptRows(
  shape: ImageShape,
  kept: readonly number[],
  start: number,
): { readonly rows: readonly PromptRow[]; readonly next: number; readonly releasedNext: number } {
  const own = withSeparators(
    kept.map((cell) => ({ cell })),
    shape,
  );
  const offsets = own.map((slot) => ("line" in slot ? shape.separators[slot.line].offset : shape.offsets[slot.cell]));
  const { visual, nextPosition } = imagePositions("original", offsets, start, shape);
  const resumes = cellCount(shape) + shape.separators.length - kept.length;
  const releasedId = (row: number) => start + (row < kept.length ? kept[row] : row + resumes);
  const rows = own.map((slot, row) => ({
    ...("line" in slot ? {} : { cell: placeOf(shape, slot.cell) }),
    id: visual[row][0],
    releasedId: releasedId(row),
    competes: row < kept.length,
  }));
  return { rows, next: nextPosition, releasedNext: releasedId(own.length) };
}

function placeOf(shape: ImageShape, cell: number): NonNullable<PromptRow["cell"]> {
  const firsts = firstCells(shape);
  const grid = firsts.findLastIndex((first) => first <= cell);
  const { columns } = shape.grids[grid];
  return { grid, row: Math.floor((cell - firsts[grid]) / columns), column: (cell - firsts[grid]) % columns };
}

/** For each cell of Qwen2.5-VL's grid the cell whose features its similarity is measured on. */
export function similarityCells({ qwen }: Pick<AllSeen, "qwen">): readonly number[] {
  const { windowSize, patchSize, spatialMergeSize } = qwen.config.vision;
  return windowsOf(qwen.shape.grids[0], windowSize / patchSize / spatialMergeSize).order;
}

/** How many cells have the features of another, and how far away that is on average, in cells. */
export function displacement(grid: Grid, cells: readonly number[]): { readonly moved: number; readonly mean: number } {
  const distances = cells.map((other, cell) => Math.sqrt(squaredDistance(grid, cell, other))).filter((own) => own > 0);
  return { moved: distances.length, mean: distances.reduce((sum, own) => sum + own, 0) / distances.length };
}

/** A picture whose cells are put where others were: cell i shows what was in `cells[i]`. */
export function rearranged({ width, height, pixels }: Picture, grid: Grid, cells: readonly number[]): Picture {
  const [across, down] = [width / grid.columns, height / grid.rows];
  const moved = new Uint8Array(pixels.length);
  cells.forEach((from, to) => {
    const place = (cell: number, y: number) =>
      ((Math.floor(cell / grid.columns) * down + y) * width + (cell % grid.columns) * across) * 3;
    for (let y = 0; y < down; y++)
      moved.set(pixels.subarray(place(from, y), place(from, y) + across * 3), place(to, y));
  });
  return { width, height, pixels: moved };
}
