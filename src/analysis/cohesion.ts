import type { Box } from "../core/boxes.ts";
import { dot } from "../core/dot.ts";
import { UsageError } from "../core/errors.ts";
import { type Grid, patchCount, squaredDistance } from "../core/grid.ts";
import { best } from "../core/ranking.ts";
import { gridLedgers } from "../methods/ledger.ts";
import { unitVectors } from "../methods/patches.ts";
import { type Measure, requirePatches } from "./measure.ts";

/** How well states keep an object together, grid by grid of the image. */
export type ObjectCohesion = readonly {
  readonly grid: Grid;
  /** Share of the grid's patches that lie in the box; a random choice has about f/(2 − f) of them. */
  readonly share: number;
  /** For each state of the tower, from the embeddings on. */
  readonly vision: Float32Array;
  /** For each state that enters a layer of the decoder. Where patches are gone it is of those that are left. */
  readonly llm: Float32Array;
}[];

/**
 * **Object-centric cohesion** (paper, section 2.1, Eq. 2), state by state: let V_O be the patches whose centres lie in
 * the object's box, edges included, and V_S the |V_O| patches that are most alike, by cosine, to the patch in the
 * middle of the box, itself among them. Ties go to the lower index.
 *
 * $$ OCC = \frac{|V_O \cap V_S|}{|V_O \cup V_S|} $$
 *
 * A token of a pruned run stands for its cell. Where the cell in the middle is gone the nearest one left takes its
 * place, and V_O are the cells left in the box: another quantity than the unpruned one.
 *
 * @param box in shares of the picture as the tower sees it, after a crop or with padding
 * @throws UsageError when the box is none, or holds no patch's centre, or the tower merges tokens
 */
export function objectCohesion(box: Box): Measure<ObjectCohesion> {
  requireBox(box);
  return ({ tapLayers }, watch) => {
    const { vision: blocks, llm: layers } = tapLayers;
    const ofTower = watch.atGrids((grid) => {
      requirePatches("cohesion", grid);
      return Array.from({ length: blocks + 1 }, (_, state) => grid.meanState(state, state));
    });
    const statesOf = watch.states();
    return async ({ ledger, slots }) => {
      const towerStates = await ofTower();
      const states = statesOf();
      const grids = gridLedgers(ledger);
      const objects = grids.map(({ grid }) => objectOf(grid, box));
      const starts = grids.map((_, i) => grids.slice(0, i).reduce((sum, { grid }) => sum + patchCount(grid), 0));
      const llm = grids.map(() => new Float32Array(layers));
      for (let t = 0; t < layers; t++) {
        const values = (await states[t].data()) as Float32Array;
        const width = states[t].shape[2];
        grids.forEach(({ grid }, i) => {
          const [from, to] = [starts[i], starts[i] + patchCount(grid)];
          const rows = slots[t].flatMap((slot, row) =>
            slot?.kind === "visual" && slot.cell >= from && slot.cell < to ? [{ row, cell: slot.cell - from }] : [],
          );
          const vectors = rows.map(({ row }) => values.subarray(row * width, (row + 1) * width));
          llm[i][t] = cohesionOf(
            vectors,
            rows.map(({ cell }) => cell),
            objects[i],
            grid,
          );
        });
      }
      return grids.map(({ grid }, i) => {
        const cells = [...new Array(patchCount(grid)).keys()];
        const ofStates = towerStates[i].map((state) => {
          const width = state.length / cells.length;
          const vectors = cells.map((cell) => state.subarray(cell * width, (cell + 1) * width));
          return cohesionOf(vectors, cells, objects[i], grid);
        });
        const share = objects[i].cells.size / cells.length;
        return { grid, share, vision: Float32Array.from(ofStates), llm: llm[i] };
      });
    };
  };
}

/** An object on a grid. */
interface GridObject {
  readonly cells: ReadonlySet<number>;
  /** The cell in the middle of its box. */
  readonly middle: number;
}

function requireBox([x0, y0, x1, y1]: Box): void {
  const inside = [x0, y0, x1, y1].every((edge) => edge >= 0 && edge <= 1);
  if (!inside || x0 >= x1 || y0 >= y1)
    throw new UsageError(
      `box ${[x0, y0, x1, y1]}: must be x1,y1,x2,y2 in shares of the picture, 0 ≤ x1 < x2 ≤ 1, 0 ≤ y1 < y2 ≤ 1.`,
    );
}

function objectOf(grid: Grid, [x0, y0, x1, y1]: Box): GridObject {
  const { rows, columns } = grid;
  const cells = [...new Array(patchCount(grid)).keys()].filter((cell) => {
    const [x, y] = [((cell % columns) + 0.5) / columns, (Math.floor(cell / columns) + 0.5) / rows];
    return x0 <= x && x <= x1 && y0 <= y && y <= y1;
  });
  if (cells.length === 0)
    throw new UsageError(`box ${[x0, y0, x1, y1]}: holds no patch's centre of the ${rows}×${columns} grid. Widen it.`);
  const row = Math.min(rows - 1, Math.floor((rows * (y0 + y1)) / 2));
  const column = Math.min(columns - 1, Math.floor((columns * (x0 + x1)) / 2));
  return { cells: new Set(cells), middle: row * columns + column };
}

/**
 * @param vectors of the patches that are there
 * @param cells which cell each of them stands for
 * @returns 0 where none lies in the box
 */
function cohesionOf(
  vectors: readonly Float32Array[],
  cells: readonly number[],
  object: GridObject,
  grid: Grid,
): number {
  const inBox = cells.flatMap((cell, i) => (object.cells.has(cell) ? [i] : []));
  if (inBox.length === 0) return 0;
  const distance = (i: number) => squaredDistance(grid, cells[i], object.middle);
  const middle = cells.reduce((near, _, i) => (distance(i) < distance(near) ? i : near), 0);
  const width = vectors[0].length;
  const joined = new Float32Array(vectors.length * width);
  for (const [i, vector] of vectors.entries()) joined.set(vector, i * width);
  const units = unitVectors(joined, vectors.length);
  // The middle is most alike to itself, whatever rounding says.
  const cosines = units.map((unit, i) => (i === middle ? Number.POSITIVE_INFINITY : dot(units[middle], unit)));
  const near = new Set(best([...cells.keys()], cosines, inBox.length));
  const both = inBox.filter((i) => near.has(i)).length;
  return both / (2 * inBox.length - both);
}
