import * as tf from "@tensorflow/tfjs";
import { type Grid, patchCount } from "../core/grid.ts";
import { averageCount } from "./budget.ts";
import { DEFAULT_AVERAGE, type Method, type MethodDefinition } from "./method.ts";
import { choosingFor } from "./none.ts";
import type { PositionPolicy } from "./nuwa/positions.ts";
import { requirePatches } from "./patches.ts";

/** Parameters of {@link pooling}. */
export interface PoolingOptions {
  /** At most how many tokens are left. */
  readonly keep: number;
  /** `compressed` ids are those of a smaller picture; with `original` ones each token has the id of its centre. */
  readonly positions?: PositionPolicy;
}

/**
 * Adaptive average pooling of the features (Nüwa, Appendix, Algorithm 2): the plain way to fewer tokens
 * that keeps the picture whole. Each pooled token stands for the cell in the middle of its bin.
 */
export function pooling({ keep, positions = "compressed" }: PoolingOptions): Method {
  return {
    name: "pooling",
    positions,
    idsAfterCut: "kept",
    *selectPatches(seen) {
      requirePatches("pooling", seen);
      const images = seen.features.shape[0];
      const { cells, weights } = poolingBins(seen.grid, pooledGrid(seen.grid, seen.share(keep)));
      return {
        cells: Array.from({ length: images }, () => cells),
        weights: tf.tensor2d(weights).expandDims<tf.Tensor3D>(0).tile([images, 1, 1]),
      };
    },
    cuts: new Map(),
  };
}

/**
 * The pooled grid for k tokens: W' = round(√(k/α)), H' = round(αW') with α = H/W. On 24×24, 64, 128 and 192 tokens
 * give 8×8, 11×11 and 14×14.
 */
export function pooledGrid(grid: Grid, count: number): Grid {
  const aspect = grid.rows / grid.columns;
  const columns = clamp(Math.round(Math.sqrt(count / aspect)), grid.columns);
  return { rows: clamp(Math.round(aspect * columns), grid.rows), columns };
}

/** Bins [⌊iH/H'⌋, ⌈(i+1)H/H'⌉) and the same across; each bin's weights over the patches and its middle cell. */
export function poolingBins(grid: Grid, pooled: Grid): { cells: number[]; weights: number[][] } {
  const [cells, weights]: [number[], number[][]] = [[], []];
  const edges = (i: number, from: number, to: number) => [
    Math.floor((i * from) / to),
    Math.ceil(((i + 1) * from) / to),
  ];
  for (let i = 0; i < pooled.rows; i++) {
    const [top, bottom] = edges(i, grid.rows, pooled.rows);
    for (let j = 0; j < pooled.columns; j++) {
      const [left, right] = edges(j, grid.columns, pooled.columns);
      const row = new Array<number>(patchCount(grid)).fill(0);
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++) row[y * grid.columns + x] = 1 / ((bottom - top) * (right - left));
      weights.push(row);
      cells.push(Math.floor((top + bottom - 1) / 2) * grid.columns + Math.floor((left + right - 1) / 2));
    }
  }
  return { cells, weights };
}

function clamp(side: number, most: number): number {
  return Math.max(1, Math.min(most, side));
}

/** {@link pooling} for the registry. Its k is ⌊Nρ⌋. */
export const definition: MethodDefinition<number> = {
  name: "pooling",
  summary: "adaptive average pooling of the features (Algorithm 2 of the paper)",
  positions: "compressed",
  taps: [],
  // The small addition undoes the rounding of ratios: 1/9 of 576 is 64.
  budget: (average, { total }) => Math.floor(averageCount(average, total) + 1e-6),
  create: ({ average = DEFAULT_AVERAGE, positions }, size) =>
    choosingFor(average, size, pooling({ keep: definition.budget(average, size), positions })),
};
