import type { Box } from "../core/boxes.ts";
import { NuwaError } from "../core/errors.ts";
import { type Grid, patchCount } from "../core/grid.ts";
import type { Picture } from "../core/resample.ts";
import { shown } from "../core/schema.ts";
import { type BoxKind, boxEntry, boxFrames } from "./drawing/boxes.ts";
import { cellsWhere, frames, heatCells, type Mark, mark, middleOf, regionBorders, veil } from "./drawing/cells.ts";
import { laidOn, sideOf } from "./drawing/grid-panels.ts";
import { heatScale, type LegendEntry, legend, shortNumber } from "./drawing/legend.ts";
import { drawingOf, GAP, type Panel, panelRows, panelWidth } from "./drawing/panel.ts";
import { type Scene, sceneOf } from "./drawing/scene.ts";
import { markEntry } from "./drawing/shown-tokens.ts";
import { darkSymbol, frameSymbol, heatSymbol, regionSymbol } from "./drawing/symbols.ts";

/** A picture with something in the cells of its grid; all parts may stand together. */
export interface PicturePanel {
  readonly title: string;
  /**
   * A value for each cell, in raster order, drawn as colours; the scale below goes from the least value to the largest.
   * A cell whose value is NaN is dark.
   */
  readonly values?: ArrayLike<number>;
  /** Cells that have a frame, by raster index; the others are dark. */
  readonly kept?: readonly number[];
  /** Symbols in cells, and what the legend says of them. */
  readonly marks?: readonly { readonly mark: Mark; readonly cells: readonly number[]; readonly text: string }[];
  /** Side of the regions whose borders are drawn, in cells. */
  readonly regionSize?: number;
  /** Boxes as fractions of the picture, and what the legend says of them. */
  readonly boxes?: readonly { readonly kind: BoxKind; readonly text: string; readonly box: Box }[];
}

/** What {@link drawPanels} draws. */
export interface PanelsDrawing {
  /** What the grid lies on. */
  readonly picture: Picture;
  readonly grid: Grid;
  readonly panels: readonly PicturePanel[];
  /**
   * How many stand in a row, at most 4: letters keep their size, so that titles and legends take more lines.
   *
   * @defaultValue 2
   */
  readonly columns?: number;
}

/**
 * One picture several times, each under a title with other values, cells, marks or boxes on it, and below each what
 * they mean: for maps and selections of one's own. A whole row is 640 units wide, with letters at least 17 high.
 *
 * @example
 * const columnOf = Array.from({ length: 144 }, (_, cell) => cell % 12);
 * const svg = await drawPanels({
 *   picture: image.pictures[0],
 *   grid: { rows: 12, columns: 12 },
 *   panels: [
 *     { title: "columns", values: columnOf },
 *     { title: "the first row", kept: columnOf.slice(0, 12) },
 *   ],
 * });
 *
 * @returns SVG text; `renderPng` makes it a PNG
 * @throws NuwaError when there is no panel, there are not 1 to 4 columns, `values` has another length than the grid, or
 * a cell is not on it
 */
export async function drawPanels({ picture, grid, panels, columns = 2 }: PanelsDrawing): Promise<string> {
  if (panels.length === 0) throw new NuwaError("panels: is empty. Give at least one panel.");
  if (![1, 2, 3, 4].includes(columns)) throw new NuwaError(`columns: is ${columns}. Give 1, 2, 3 or 4.`);
  for (const panel of panels) requireFit(panel, patchCount(grid));
  const width = panelWidth(columns);
  const scene = await sceneOf({ ...picture, cellName: "" }, undefined, "panels-seen", { width, height: 2 * width });
  const drawn = panels.map((panel, i) => panelOf(panel, { scene, grid }, width, `panels-${i}-values`));
  const inRow = Math.min(columns, panels.length);
  const titles = panels.map(({ title }) => title).join("; ");
  return drawingOf(titles, [scene.definition], panelRows(drawn, columns), inRow * (width + GAP) + GAP);
}

/** Refuses what has no place on the grid. @throws NuwaError */
function requireFit({ title, values, kept = [], marks = [] }: PicturePanel, cells: number): void {
  if (values && values.length !== cells)
    throw new NuwaError(
      `panel ${shown(title)}: values has ${values.length} numbers, the grid ${cells} cells. Give one for each cell.`,
    );
  const outside = [...kept, ...marks.flatMap((one) => one.cells)].find(
    (cell) => !Number.isInteger(cell) || cell < 0 || cell >= cells,
  );
  if (outside !== undefined)
    throw new NuwaError(`panel ${shown(title)}: the grid has no cell ${outside}, only 0 to ${cells - 1}.`);
}

function panelOf(
  { title, values, kept, marks = [], regionSize, boxes = [] }: PicturePanel,
  on: { readonly scene: Scene; readonly grid: Grid },
  width: number,
  id: string,
): Panel {
  const laid = laidOn(on);
  const known = new Map(
    Array.from(values ?? [], (value, cell) => [cell, value] as const).filter(([, v]) => !Number.isNaN(v)),
  );
  const [least, largest] = [Math.min(...known.values()), Math.max(...known.values())];
  const unknown = values ? cellsWhere(on.grid, (cell) => !known.has(cell)) : [];
  const dropped = kept ? cellsWhere(on.grid, (cell) => !kept.includes(cell)) : [];
  const symbols = marks.flatMap(({ mark: kind, cells }) =>
    cells.map((cell) => mark(kind, middleOf(laid, cell), sideOf(laid))),
  );
  const svg = [
    on.scene.use,
    known.size === 0
      ? ""
      : heatCells(laid, known, (value) => (largest === least ? 1 : (value - least) / (largest - least))),
    veil(laid, [...new Set([...unknown, ...dropped])]),
    regionSize === undefined ? "" : regionBorders(laid, regionSize),
    frames(laid, kept ?? []),
    ...symbols,
    boxFrames(boxes, on.scene.size),
  ].join("");
  const entries: LegendEntry[] = [
    ...(least === largest ? [{ symbol: heatSymbol(1), text: `all: ${shortNumber(least)}` }] : []),
    ...boxes.map(({ kind, text }) => boxEntry(kind, text)),
    ...marks.map(({ mark: kind, text }) => markEntry(kind, text)),
    ...(kept ? [{ symbol: frameSymbol(), text: "kept" }] : []),
    ...(dropped.length > 0 ? [{ symbol: darkSymbol(), text: "not kept" }] : []),
    ...(unknown.length > 0 ? [{ symbol: darkSymbol(), text: "no value" }] : []),
    ...(regionSize === undefined ? [] : [{ symbol: regionSymbol(), text: `regions of ${regionSize}×${regionSize}` }]),
  ];
  return {
    title,
    body: { svg, height: on.scene.size.height },
    notes: [...(least < largest ? [heatScale(id, least, largest, width)] : []), legend(entries, width)],
  };
}
