import type * as tf from "@tensorflow/tfjs";
import { UsageError } from "../../core/errors.ts";

/**
 * The continuous constants of stage 1. Each may be a scalar tensor where its gradient is wanted; see
 * docs/gradients.md.
 */
export interface Stage1Constants {
  /**
   * τ² as a fraction of the largest squared distance in the grid. The paper's "26 %" is 280/1058 on
   * 24×24 (Table 7 sweeps squared thresholds); as a fraction it fits every grid.
   */
  readonly distanceFraction?: number | tf.Scalar;
  /** s > 0: similarity counts as ReLU(cos)^s; 1 in the paper and in the code. */
  readonly similaritySharpness?: number | tf.Scalar;
  /** m in the salience α·‖k‖^m: 0 is the released code's, 1 the paper's; what `salience` says unless given. */
  readonly keyNormExponent?: number | tf.Scalar;
  /** Quantile of the pillar scores that a pillar must reach, 0..1: 0.75 in the paper, 0.55 in the code. */
  readonly pillarQuantile?: number | tf.Scalar;
}

/**
 * Refuses constants given as numbers that have no meaning; scalars belong to whoever learns them.
 *
 * @param temperature of the relaxed selections, see relaxed.ts
 * @throws UsageError naming the constant, its value and its range
 */
export function requireConstants(constants: Stage1Constants, temperature: number): void {
  const { distanceFraction = 1, similaritySharpness = 1, keyNormExponent = 0, pillarQuantile } = constants;
  const refuse = (name: string, value: number, range: string) => {
    throw new UsageError(`${name} is ${value}, but must be ${range}.`);
  };
  for (const [name, value] of Object.entries({ temperature, distanceFraction, similaritySharpness }))
    if (typeof value === "number" && !(value > 0 && value < Number.POSITIVE_INFINITY)) refuse(name, value, "above 0");
  if (typeof keyNormExponent === "number" && !Number.isFinite(keyNormExponent))
    refuse("keyNormExponent", keyNormExponent, "a finite number");
  if (typeof pillarQuantile === "number" && !(pillarQuantile >= 0 && pillarQuantile <= 1))
    refuse("pillarQuantile", pillarQuantile, "from 0 to 1");
}
