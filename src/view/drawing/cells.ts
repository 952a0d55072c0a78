import { type Grid, patchCount } from "../../core/grid.ts";
import type { Size } from "../../core/resample.ts";
import { element } from "../svg.ts";
import { COLOURS, heat } from "./palette.ts";

/** A grid laid on a drawing. */
export interface LaidGrid {
  readonly grid: Grid;
  /** What all cells cover together, from the upper left corner. */
  readonly size: Size;
}

/** A rectangle of the drawing. */
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where a cell lies. @param cell raster index in the grid */
export function placeOf({ grid, size }: LaidGrid, cell: number): Place {
  const [row, column] = [Math.floor(cell / grid.columns), cell % grid.columns];
  const [across, down] = [size.width / grid.columns, size.height / grid.rows];
  return { left: column * across, top: row * down, right: (column + 1) * across, bottom: (row + 1) * down };
}

/** The middle of a cell. */
export function middleOf(laid: LaidGrid, cell: number): readonly [x: number, y: number] {
  const { left, top, right, bottom } = placeOf(laid, cell);
  return [(left + right) / 2, (top + bottom) / 2];
}

/** The outlines of cells as one path, so that nothing shines through between neighbours. */
function outlines(laid: LaidGrid, cells: readonly number[]): string {
  return cells
    .map((cell) => {
      const { left, top, right, bottom } = placeOf(laid, cell);
      return `M${short(left)} ${short(top)}H${short(right)}V${short(bottom)}H${short(left)}Z`;
    })
    .join("");
}

/** Darkens cells. @param opacity 0 to 1 */
export function veil(laid: LaidGrid, cells: readonly number[], opacity = 0.7): string {
  if (cells.length === 0) return "";
  return element("path", { class: "veil", d: outlines(laid, cells), fill: "#000", "fill-opacity": opacity });
}

/** All cells of a grid for which something holds. */
export function cellsWhere(grid: Grid, holds: (cell: number) => boolean): number[] {
  return Array.from({ length: patchCount(grid) }, (_, cell) => cell).filter(holds);
}

/** Frames cells with a light line inside a dark one, which is seen on any picture. */
export function frames(laid: LaidGrid, cells: readonly number[], width = 1.2): string {
  if (cells.length === 0) return "";
  const d = outlines(laid, cells);
  return cased({ d, fill: "none" }, COLOURS.paper, width);
}

/** A path in one colour on a dark border. */
export function cased(path: { readonly d: string; readonly fill: string }, stroke: string, width: number): string {
  return (
    element("path", { ...path, stroke: COLOURS.ink, "stroke-width": width * 2 }) +
    element("path", { ...path, stroke, "stroke-width": width })
  );
}

/** Borders of the regions of side × side cells in which stage 1 looks for its anchors. */
export function regionBorders(laid: LaidGrid, side: number): string {
  const { grid, size } = laid;
  const inner = (count: number) => Array.from({ length: Math.ceil(count / side) - 1 }, (_, i) => (i + 1) * side);
  const down = inner(grid.columns).map((column) => {
    const x = short((column * size.width) / grid.columns);
    return `M${x} 0V${short(size.height)}`;
  });
  const across = inner(grid.rows).map((row) => `M0 ${short((row * size.height) / grid.rows)}H${short(size.width)}`);
  const d = [...down, ...across].join("");
  if (d === "") return "";
  return element("path", { class: "regions", d, fill: "none", stroke: COLOURS.paper, "stroke-width": 0.8 });
}

/**
 * Colours cells by values.
 *
 * @param values of cells by raster index
 * @param shareOf where a value stands between the least, 0, and the largest, 1
 */
export function heatCells(
  laid: LaidGrid,
  values: ReadonlyMap<number, number>,
  shareOf: (value: number) => number,
): string {
  const cells = [...values].map(([cell, value]) =>
    element("path", { class: "heat", d: outlines(laid, [cell]), fill: heat(shareOf(value)) }),
  );
  // Between cells with soft edges the picture would shine through.
  return element("g", { "shape-rendering": "crispEdges" }, cells.join(""));
}

/** Symbols in the middle of a cell; shape, lightness and colour differ. */
export type Mark = "pillar" | "collector" | "stays" | "own" | "merged" | "recycled";

/** A symbol, sized for a cell. @param side the cell's shorter side */
export function mark(kind: Mark, [x, y]: readonly [number, number], side: number): string {
  const line = { stroke: COLOURS.ink, "stroke-width": Math.min(1.5, side / 12) };
  if (kind === "pillar") {
    const half = Math.min(7, side * 0.28);
    const square = { x: x - half, y: y - half, width: 2 * half, height: 2 * half };
    return element("rect", { class: kind, ...square, fill: COLOURS.pillar, ...line });
  }
  if (kind === "collector") {
    const ring = { cx: x, cy: y, r: Math.min(7, side * 0.3) };
    return (
      element("circle", { ...ring, fill: "none", stroke: COLOURS.paper, "stroke-width": Math.min(5, side / 4) }) +
      element("circle", { class: kind, ...ring, fill: "none", stroke: COLOURS.collector, "stroke-width": side / 9 })
    );
  }
  const half = Math.min(6, side * 0.28);
  if (kind === "recycled" || kind === "own") {
    const corners = [
      [x, y - half],
      [x + half, y],
      [x, y + half],
      [x - half, y],
    ];
    const d = `M${corners.map((corner) => corner.map(short).join(" ")).join("L")}Z`;
    return element("path", { class: kind, d, fill: kind === "own" ? COLOURS.paper : COLOURS.recycled, ...line });
  }
  const fill = kind === "stays" ? COLOURS.paper : COLOURS.merged;
  return element("circle", { class: kind, cx: x, cy: y, r: half * 0.8, fill, ...line });
}

/** Two decimals at most. */
export function short(value: number): string {
  return String(Number(value.toFixed(2)));
}
