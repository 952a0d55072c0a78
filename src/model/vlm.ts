import type { Grid } from "../core/grid.ts";

/** What the parameters of a pruning method may depend on: the sizes of a model, not its weights. */
export interface ModelFacts {
  /** The grid of visual tokens that the encoder makes of an image. */
  readonly grid: Grid;
  /** Decoder layers (L). */
  readonly layers: number;
  /** Blocks of the vision tower. */
  readonly visionBlocks: number;
  /** How many blocks of the tower the features go through. */
  readonly featureBlocks: number;
}
