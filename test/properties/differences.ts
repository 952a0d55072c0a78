import * as tf from "@tensorflow/tfjs";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import type { Llava } from "../../src/model/llava/llava.ts";
import { tinyModel } from "../support-tiny.ts";

/** A tiny model whose weights are large enough for every input to matter, drawn from a seed. */
export function randomModel(seed: number): Llava {
  const random = randomFrom(seed);
  return tinyModel({}, (tensors) => {
    for (const [name, old] of tensors) {
      const isNorm = /norm\d?\.weight$/.test(name);
      const scale = isNorm ? 0.1 : 1 / Math.sqrt(old.shape.length > 1 ? old.shape[0] : 16);
      const values = Float32Array.from({ length: old.size }, () => (isNorm ? 1 : 0) + scale * normal(random));
      tensors.set(name, tf.tensor(values, old.shape));
      old.dispose();
    }
  });
}

/** Draws from the standard normal distribution. */
export function normals(shape: readonly number[], seed: number): tf.Tensor {
  const random = randomFrom(seed);
  const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => normal(random));
  return tf.tensor(values, [...shape]);
}

/** What {@link compareSlopes} found along one direction. */
export interface Slopes {
  readonly autodiff: number;
  readonly differences: number;
  /** What float32 may do to the difference quotient. */
  readonly noise: number;
  /** Whether a kink lies within the step, so that difference quotients say nothing. */
  readonly kink: boolean;
}

/**
 * The slope of a function along a direction by autodiff and by central differences.
 *
 * The direction is half the gradient's, half random, so that the slope stands out of float32's rounding.
 * The step makes the function change by some hundredths, but moves the input by at most 2 %.
 *
 * A kink (ReLU of the cosine at 0, 1 − min(1, d/τ) at d = τ, |difference| of two scores at a tie, a pillar
 * quantile on a score) shows in the values alone: where the function is smooth, quotients of steps h, h/2
 * and h/4 agree, and the slopes to the right and to the left differ half as much each time the step is
 * halved. Three steps, because one kink can hide from two: at a third of the wider step it leaves the bends
 * of h and h/2 in the ratio of a smooth function. Autodiff has no say in that.
 *
 * @param value the function, of order one
 * @param at the input
 * @param gradient of the function there, by autodiff
 */
export function compareSlopes(
  value: (x: tf.Tensor) => number,
  at: tf.Tensor,
  gradient: tf.Tensor,
  seed: number,
): Slopes {
  return tf.tidy(() => {
    const unit = (x: tf.Tensor) => x.div(x.norm().add(1e-12));
    const direction = unit(unit(gradient).add(unit(normals(at.shape, seed)).mul(at.size > 1 ? 1 : 0)));
    const autodiff = gradient.mul(direction).sum().dataSync()[0];
    const size = Math.max(at.norm().dataSync()[0], 0.1);
    const step = Math.min(0.02 / (Math.abs(autodiff) + 1e-12), 0.02 * size);
    const here = value(at);
    const sides = (h: number) => {
      const [right, left] = [value(at.add(direction.mul(h))) - here, here - value(at.sub(direction.mul(h)))];
      return { quotient: (right + left) / (2 * h), bend: (right - left) / h };
    };
    const [wide, middle, narrow] = [sides(step), sides(step / 2), sides(step / 4)];
    const differences = middle.quotient;
    // Of order one, summed over a few thousand roundings.
    const noise = 4e-6 / step;
    const differ = (a: number, b: number, roundings: number) =>
      Math.abs(a - b) > 0.01 * Math.abs(differences) + roundings * noise;
    const kink =
      differ(wide.quotient, differences, 2) ||
      differ(narrow.quotient, differences, 3) ||
      differ(wide.bend, 2 * middle.bend, 4) ||
      differ(middle.bend, 2 * narrow.bend, 8);
    return { autodiff, differences, noise, kink };
  });
}
