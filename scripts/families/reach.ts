import type { Grid } from "../../src/core/grid.ts";
import type { Rectangle } from "../../src/core/resample.ts";
import { distanceGrid, distanceThreshold } from "../../src/methods/nuwa/aggregation.ts";
import { switchesFor } from "../../src/methods/nuwa/readings.ts";
import type { Variant } from "../../src/methods/nuwa/variants.ts";
import { COLOURS } from "../../src/view/drawing/palette.ts";
import { box, COLLECTOR, cellsIn, circle, gridLines, INK, OFFICIAL, type Stroke } from "./drawing.ts";
import type { Seen } from "./photograph.ts";

/** Side of a region in cells (g). */
export const REGION = 2;

/** How the two readings are drawn. */
const READINGS: Readonly<Record<Variant, Stroke>> = {
  official: { colour: OFFICIAL, width: 3 },
  paper: { colour: COLLECTOR, width: 3, dash: "7 5" },
};

/** τ on one of the grids of a family, in cells. */
export function reachOf({ config, shape }: Pick<Seen, "config" | "shape">, which: number, variant: Variant): number {
  const switches = switchesFor(variant, config);
  const measured = distanceGrid(switches.distanceGrid, { grid: shape.grids[which], image: shape });
  return distanceThreshold(measured, switches.distanceFraction as number | undefined);
}

/**
 * Nüwa's regions on one of the grids, a cell that collects, and how far it reaches: τ of each reading, once where they
 * agree.
 */
export function regions(seen: Pick<Seen, "config" | "shape">, which: number, frame: Rectangle, id: string): string {
  const grid = seen.shape.grids[which];
  // At the left edge, so that the arc lies inside the picture.
  const cell = { left: 0, top: Math.floor(grid.rows / 2), width: 1, height: 1 };
  const at = cellsIn(frame, grid, cell);
  const side = frame.width / grid.columns;
  const reaches = (Object.keys(READINGS) as Variant[]).map((variant) => ({
    variant,
    tau: reachOf(seen, which, variant),
  }));
  const drawn = reaches.filter(({ tau }, i) => reaches.findIndex((other) => other.tau === tau) === i);
  const circles = drawn.map(({ variant, tau }) =>
    circle(
      `${id}-${variant}`,
      frame,
      at.left + at.width / 2,
      at.top + at.height / 2,
      tau * side,
      drawn.length === 1 ? { colour: "#fff", width: 3 } : READINGS[variant],
    ),
  );
  return [
    gridLines(frame, grid, REGION, { colour: "#fff", width: 1, opacity: 0.8 }),
    partial(grid, frame),
    ...circles,
    box(at, COLLECTOR, { colour: INK, width: 1.2 }),
  ].join("");
}

/** Regions that the grid cuts at its right and lower edge. */
function partial(grid: Grid, frame: Rectangle): string {
  const [right, below] = [grid.columns % REGION, grid.rows % REGION];
  const parts: Rectangle[] = [
    { left: 0, top: grid.rows - below, width: grid.columns, height: below },
    { left: grid.columns - right, top: 0, width: right, height: grid.rows - below },
  ];
  return parts
    .filter(({ width, height }) => width > 0 && height > 0)
    .map((part) => box(cellsIn(frame, grid, part), COLOURS.pillar, undefined, 0.55))
    .join("");
}

/** Regions of a grid, partial ones included. */
export function regionCount({ rows, columns }: Grid): number {
  return Math.ceil(rows / REGION) * Math.ceil(columns / REGION);
}
