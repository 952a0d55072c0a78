import type { Rectangle } from "../../src/core/resample.ts";
import {
  box,
  cellsIn,
  drawing,
  embedded,
  gridLines,
  HEADING,
  heading,
  MARGIN,
  OFFICIAL,
  placed,
  REMOVED,
} from "./drawing.ts";
import { type AllSeen, stitchedTiles } from "./photograph.ts";
import { displacement, rearranged, similarityCells, swappedTiles } from "./released.ts";

/** Two faults of the released code that can be seen: exchanged tiles, and features in the order of the windows. */
export async function drawFaults(all: AllSeen): Promise<string> {
  const { next, qwen } = all;
  const [, local] = next.shape.grids;
  const canvas = stitchedTiles(next);
  const swapped = swappedTiles(all);
  const stack = stitchedTiles(next, swapped.tiles);
  const whole = (picture: { width: number; height: number }): Rectangle => ({ left: 0, top: 0, ...picture });
  const stitched = {
    rows: next.tiling.tiles.rows * next.tiling.side,
    columns: next.tiling.tiles.columns * next.tiling.side,
  };
  const kept = { ...next.tiling.local, width: local.columns, height: local.rows };

  const [top, right] = [58, 410];
  const cell = 8;
  const correct = { left: MARGIN, top: top + HEADING, width: local.columns * cell, height: local.rows * cell };
  const wrong = {
    left: right,
    top: top + HEADING,
    width: swapped.stitched.columns * cell,
    height: swapped.stitched.rows * cell,
  };
  const lost = [
    { left: 0, top: 0, width: swapped.stitched.columns, height: swapped.left.top },
    {
      left: 0,
      top: swapped.left.top + swapped.left.rows,
      width: swapped.stitched.columns,
      height: swapped.stitched.rows - swapped.left.top - swapped.left.rows,
    },
  ].map((cells) => cellsIn(wrong, swapped.stitched, cells));

  const [grid] = qwen.shape.grids;
  const [picture] = qwen.prepared.pictures;
  const cells = similarityCells(all);
  const { moved, mean } = displacement(grid, cells);
  const second = wrong.top + wrong.height + 26;
  const raster = { left: MARGIN, top: second + HEADING, width: 370, height: (370 * picture.height) / picture.width };
  const scrambled = { ...raster, left: right };
  const line = { colour: "#fff", width: 0.8, opacity: 0.8 };
  return drawing(
    raster.top + raster.height + MARGIN,
    "Two faults of the released code, on the same photograph",
    [
      await embedded("canvas", canvas),
      await embedded("stack", stack),
      await embedded("seen", picture),
      await embedded("moved", rearranged(picture, grid, cells)),
    ],
    [
      heading(MARGIN, top, "LLaVA-NeXT: the local grid", `${local.rows}×${local.columns} cells`),
      placed("canvas", correct, cellsIn(whole(canvas), stitched, kept)),
      gridLines(correct, local, 2, line),
      heading(
        right,
        top,
        "Released: tile rows and columns exchanged",
        `stacked, then cropped (hatched): ${swapped.left.rows}×${swapped.left.columns} cells are left`,
      ),
      placed("stack", wrong, whole(stack)),
      gridLines(wrong, swapped.stitched, 2, line),
      ...lost.map(
        (frame) => box(frame, "#fff", undefined, 0.45) + box(frame, "url(#hatch)", { colour: REMOVED, width: 2 }),
      ),
      gridLines(wrong, swapped.stitched, next.tiling.side, { colour: OFFICIAL, width: 3 }),
      heading(MARGIN, second, "Qwen2.5-VL: features to be aggregated", "cells in raster order"),
      placed("seen", raster, whole(picture)),
      gridLines(raster, grid, 1, line),
      heading(
        right,
        second,
        "Released: what their similarity sees",
        `${moved} of ${cells.length} cells: another cell, ${mean.toFixed(1)} away on average`,
      ),
      placed("moved", scrambled, whole(picture)),
      gridLines(scrambled, grid, 1, line),
    ],
  );
}
