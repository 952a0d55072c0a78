import type { BlockPoint, TapFacts } from "../core/tap-points.ts";

/** The letters of a tower: what its first axis counts, and its rows. */
export interface TowerLetters {
  /** I images, or T tiles. */
  readonly images: string;
  /** Rows that an image or tile has in every block. */
  readonly rows: string;
}

/** Shapes of all points inside a tower, in the letters of a family. */
export function towerTaps({ images, rows }: TowerLetters): TapFacts {
  const [ofHeads, weights] = [`[${images}, h, ${rows}, d]`, `[${images}, h, ${rows}, ${rows}]`];
  const stream = `[${images}, ${rows}, D]`;
  const shapes: Readonly<Record<BlockPoint, string>> = {
    queries: ofHeads,
    keys: ofHeads,
    values: ofHeads,
    attention_scores: weights,
    attention: weights,
    z: ofHeads,
    attention_output: stream,
    residual: stream,
    mlp_output: stream,
  };
  const blocks = Object.entries(shapes).map(([point, shape]) => [`vision.*.${point}`, { shape }]);
  return { ...Object.fromEntries(blocks), "vision.hidden_states.*": { shape: stream } };
}
