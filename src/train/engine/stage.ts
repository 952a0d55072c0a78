import type * as tf from "@tensorflow/tfjs";
import type { Schedule } from "./learning-rate.ts";
import type { AdamWOptions } from "./optimizer.ts";

/** What every training's recipe holds, and all that the loop reads of it. Plain JSON. */
export interface AnyRecipe {
  readonly name: string;
  readonly optimizer: AdamWOptions;
}

/** What the recipe of every stage holds, and all that the loop reads of it. Plain JSON. */
export interface StageRecipe extends Schedule {
  /** Validation figures are computed every so many steps, and at the end. */
  readonly validateEvery: number;
}

/** Tensors by name: the model's, and what a stage needs besides. */
export type Tensors = ReadonlyMap<string, tf.Tensor>;

/** Data of one step before it becomes tensors, made while the step before computes. */
export type Prepared = unknown;

/**
 * One stage of a training: which weights it changes, on what data, to lower which number. `B` is its
 * prepared data.
 */
export interface Stage<B = Prepared> {
  readonly name: string;
  readonly recipe: StageRecipe;
  /** Makes what the stage needs out of what the stages before left. Takes over the tensors. */
  begin(weights: Map<string, tf.Tensor>): Promise<Map<string, tf.Tensor>>;
  /** Whether a weight is trained in this stage. */
  trains(name: string): boolean;
  /** The data of a step; follows from the step's number alone. */
  prepare(step: number): Promise<B>;
  /** The number to lower; may make tensors, which the caller frees. */
  loss(tensors: Tensors, prepared: B): tf.Scalar;
  /** Figures on the tuning split. */
  validate(tensors: Tensors): Promise<Record<string, number>>;
}
