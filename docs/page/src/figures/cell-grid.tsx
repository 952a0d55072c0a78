import type { ComponentChildren } from "preact";
import type { Grid } from "../../../../src/core/grid.ts";

/** Side of a patch in the drawings. */
export const CELL = 40;

/** Width and height of a grid in a drawing. */
export function sizeOf({ rows, columns }: Grid): { width: number; height: number } {
  return { width: columns * CELL, height: rows * CELL };
}

/** Where a patch lies in a drawing. */
export function placeOf(cell: number, { columns }: Grid): { x: number; y: number } {
  return { x: (cell % columns) * CELL, y: Math.floor(cell / columns) * CELL };
}

/** A cell for each patch of a grid, over whatever lies below. */
export interface CellGridProps {
  readonly grid: Grid;
  /** Colour of each cell; undefined: nothing is drawn. */
  readonly fill?: (cell: number) => string | undefined;
  readonly opacity?: number;
  readonly onPoint?: (cell: number | undefined) => void;
  readonly onChoose?: (cell: number) => void;
  readonly children?: ComponentChildren;
}

/** Coloured cells in raster order. */
export function CellGrid({ grid, fill, opacity = 1, onPoint, onChoose, children }: CellGridProps) {
  return (
    <g onPointerLeave={() => onPoint?.(undefined)}>
      {Array.from({ length: grid.rows * grid.columns }, (_, cell) => (
        <rect
          key={cell}
          {...placeOf(cell, grid)}
          width={CELL}
          height={CELL}
          fill={fill?.(cell) ?? "transparent"}
          fill-opacity={opacity}
          onPointerEnter={() => onPoint?.(cell)}
          onClick={() => onChoose?.(cell)}
        />
      ))}
      {children}
    </g>
  );
}
