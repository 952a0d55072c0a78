import { UsageError } from "../core/errors.ts";
import { COLOURS, SHAPES, SIZES } from "./attributes.ts";
import { covers } from "./geometry.ts";
import type { Scene, SceneShape } from "./scene.ts";

/**
 * What lies in each patch of a grid over the picture, row by row: [rows × columns] each. Class 0 is the
 * background, class i + 1 the i-th of the scene's shapes, of `SHAPES`, of `COLOURS` or of `SIZES`.
 */
export interface PatchLabels {
  readonly object: Int32Array;
  readonly shape: Int32Array;
  readonly colour: Int32Array;
  readonly size: Int32Array;
  /** Share of the patch, 0..1, that the shape named in `object` covers; 0 for background. */
  readonly coverage: Float32Array;
}

/** A shape must cover this share of a patch to name it … */
const LEAST_COVERAGE = 0.25;
/** … measured on this many points along each side of the patch. */
const SAMPLES = 5;

/**
 * Dense targets for pretraining a vision tower: for each patch the shape that covers most of it, where
 * that is at least a quarter. A shape that covers a quarter of no patch names the one it covers most of, unless another
 * covers more of that.
 *
 * @throws UsageError when the grid has no patches
 */
export function patchLabels(scene: Scene, rows: number, columns: number): PatchLabels {
  if (!Number.isInteger(rows) || !Number.isInteger(columns) || rows < 1 || columns < 1)
    throw new UsageError(`patch grid ${rows} × ${columns}: give whole numbers of 1 or more.`);
  const patches = rows * columns;
  const object = new Int32Array(patches);
  const coverage = new Float32Array(patches);
  scene.shapes.forEach((shape, index) => {
    const shares = coverageOf(shape, rows, columns);
    const most = Math.max(...shares.values());
    for (const [patch, share] of shares) {
      if (share < Math.min(LEAST_COVERAGE, most) || share <= coverage[patch]) continue;
      object[patch] = index + 1;
      coverage[patch] = share;
    }
  });
  const classes = (classOf: (shape: SceneShape) => number): Int32Array =>
    object.map((one) => (one === 0 ? 0 : 1 + classOf(scene.shapes[one - 1])));
  return {
    object,
    shape: classes(({ shape }) => SHAPES.indexOf(shape)),
    colour: classes(({ colour }) => COLOURS.indexOf(colour)),
    size: classes(({ size }) => SIZES.indexOf(size)),
    coverage,
  };
}

/** The share of each patch around a shape's box that the shape covers: patch → 0..1. */
function coverageOf({ shape, box }: SceneShape, rows: number, columns: number): Map<number, number> {
  const shares = new Map<number, number>();
  const last = (edge: number, count: number): number => Math.min(count - 1, Math.floor(edge * count));
  for (let row = last(box[1], rows); row <= last(box[3], rows); row++)
    for (let column = last(box[0], columns); column <= last(box[2], columns); column++) {
      let hits = 0;
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const x = (column + ((i % SAMPLES) + 0.5) / SAMPLES) / columns;
        const y = (row + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / rows;
        if (covers(shape, box, x, y)) hits++;
      }
      shares.set(row * columns + column, hits / SAMPLES ** 2);
    }
  return shares;
}
