import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Grid } from "../../../../src/core/grid.ts";
import { pointed } from "../state/state.ts";
import "./cell-grid.css";

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

/** The middle of a patch in a drawing. */
export function middleOf(cell: number, grid: Grid): { cx: number; cy: number } {
  const { x, y } = placeOf(cell, grid);
  return { cx: x + CELL / 2, cy: y + CELL / 2 };
}

/** A patch in words: its number in raster order, from 0, and its row and column, counted from 1 as people count. */
export function cellName(cell: number, { columns }: Grid): string {
  return `patch ${cell} (row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1})`;
}

/** A cell for each patch of a grid, over whatever lies below. */
export interface CellGridProps {
  readonly grid: Grid;
  /** Colour of each cell; undefined: nothing is drawn. */
  readonly fill?: (cell: number) => string | undefined;
  readonly opacity?: number;
  /** With one of these two a reader can go over the cells by arrow keys. */
  readonly onPoint?: (cell: number | undefined) => void;
  readonly onChoose?: (cell: number) => void;
  /** What the grid is, for screen readers. */
  readonly label?: string;
  /** What is said of a cell besides its place. */
  readonly say?: (cell: number) => string;
  readonly children?: ComponentChildren;
}

/**
 * Coloured cells in raster order. It is one stop of the tab key; arrow keys, Home, End, Page Up and Page Down move over
 * the cells, Enter and Space choose one.
 */
export function CellGrid({ grid, fill, opacity = 1, onPoint, onChoose, label, say, children }: CellGridProps) {
  const id = useId();
  const reachable = onPoint !== undefined || onChoose !== undefined;
  const row = (y: number) =>
    Array.from({ length: grid.columns }, (_, x) => {
      const cell = y * grid.columns + x;
      return (
        <rect
          key={cell}
          id={reachable ? `${id}-${cell}` : undefined}
          role={reachable ? "gridcell" : undefined}
          aria-label={reachable ? [cellName(cell, grid), say?.(cell)].filter(Boolean).join(": ") : undefined}
          {...placeOf(cell, grid)}
          width={CELL}
          height={CELL}
          fill={fill?.(cell) ?? "transparent"}
          fill-opacity={opacity}
        />
      );
    });
  const rows = Array.from({ length: grid.rows }, (_, y) => (
    <g key={y} {...(reachable && { role: "row" })}>
      {row(y)}
    </g>
  ));
  if (!reachable)
    return (
      <g>
        {rows}
        {children}
      </g>
    );
  return (
    <g>
      <Reached {...{ id, grid, onPoint, onChoose }} label={label ?? "patches"}>
        {rows}
      </Reached>
      {children}
    </g>
  );
}

interface ReachedProps extends Pick<CellGridProps, "grid" | "onPoint" | "onChoose" | "children"> {
  readonly id: string;
  readonly label: string;
}

/** What the keys do. */
function Reached({ id, grid, label, onPoint, onChoose, children }: ReachedProps) {
  const at = pointed.value;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot stand in a drawing
    <g
      class="cells"
      role="grid"
      tabindex={0}
      aria-label={`${label}; arrow keys move`}
      aria-activedescendant={at === undefined ? undefined : `${id}-${at}`}
      onPointerMove={(event) => onPoint?.(cellAt(event, grid))}
      onPointerDown={(event) => onPoint?.(cellAt(event, grid))}
      // A finger leaves as soon as it is lifted: what it pointed at stays.
      onPointerLeave={({ pointerType }) => pointerType === "mouse" && onPoint?.(undefined)}
      onClick={(event) => onChoose?.(cellAt(event, grid))}
      onFocus={({ currentTarget }) => {
        // A pointer that has pressed points already; the tab key has to begin somewhere.
        if (pointed.peek() === undefined && currentTarget.matches(":focus-visible")) onPoint?.(0);
      }}
      onKeyDown={(event) => {
        const current = pointed.peek() ?? 0;
        if ((event.key === "Enter" || event.key === " ") && onChoose) onChoose(current);
        else {
          const next = neighbour(current, event.key, grid);
          if (next === undefined) return;
          if (onPoint) onPoint(next);
          else pointed.value = next;
        }
        event.preventDefault();
      }}
    >
      {children}
    </g>
  );
}

/** The cell to which a key leads; undefined for another key. It stays at the edges. */
function neighbour(cell: number, key: string, { rows, columns }: Grid): number | undefined {
  const [y, x] = [Math.floor(cell / columns), cell % columns];
  switch (key) {
    case "ArrowLeft":
      return x > 0 ? cell - 1 : cell;
    case "ArrowRight":
      return x < columns - 1 ? cell + 1 : cell;
    case "ArrowUp":
      return y > 0 ? cell - columns : cell;
    case "ArrowDown":
      return y < rows - 1 ? cell + columns : cell;
    case "Home":
      return cell - x;
    case "End":
      return cell - x + columns - 1;
    case "PageUp":
      return x;
    case "PageDown":
      return (rows - 1) * columns + x;
    default:
      return undefined;
  }
}

/** The patch that is pointed at, framed so that it is seen on any colour. */
export function PointedCell({ grid }: { readonly grid: Grid }) {
  const at = pointed.value;
  if (at === undefined || at >= grid.rows * grid.columns) return null;
  const { x, y } = placeOf(at, grid);
  return (
    <g class="pointed-cell" pointer-events="none">
      <rect {...{ x, y }} width={CELL} height={CELL} fill="none" stroke="#fff" stroke-width={6} />
      <rect {...{ x, y }} width={CELL} height={CELL} fill="none" stroke="#000" stroke-width={2.5} />
    </g>
  );
}

/** The patch below a pointer, in a drawing that the grid fills. */
export function cellAt({ clientX, clientY, currentTarget }: MouseEvent, { rows, columns }: Grid): number {
  const inverse = (currentTarget as SVGGraphicsElement).getScreenCTM()?.inverse();
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(inverse);
  const within = (at: number, count: number) => Math.min(count - 1, Math.max(0, Math.floor(at / CELL)));
  return within(y, rows) * columns + within(x, columns);
}

/** Sets the patch that all figures point at. */
export function point(cell: number | undefined): void {
  pointed.value = cell;
}
