import type { Box } from "../core/boxes.ts";
import { UsageError } from "../core/errors.ts";

/**
 * Steps from 0 to 1 in the coordinates of an answer: 100, hence 101 coordinate tokens "0.00" … "1.00".
 * A coordinate is off by at most 1/200 of the picture's side (half a pixel at 96 px).
 */
export const COORDINATE_BINS = 100;

/** A box as four whole numbers of 0..bins. */
export type QuantisedBox = readonly [number, number, number, number];

/**
 * The nearest multiples of 1/bins: `bins + 1` values, both ends included. The error is at most 1/(2·bins).
 *
 * @throws UsageError when a coordinate is outside [0, 1] or not a number
 */
export function quantiseBox(box: Box, bins = COORDINATE_BINS): QuantisedBox {
  const wrong = box.find((value) => !(value >= 0 && value <= 1));
  if (wrong !== undefined) throw new UsageError(`box [${box.join(", ")}]: ${wrong} is not in [0, 1].`);
  return [Math.round(box[0] * bins), Math.round(box[1] * bins), Math.round(box[2] * bins), Math.round(box[3] * bins)];
}

/** The box that a quantised box stands for. */
export function dequantiseBox(quantised: QuantisedBox, bins = COORDINATE_BINS): Box {
  return [quantised[0] / bins, quantised[1] / bins, quantised[2] / bins, quantised[3] / bins];
}

/** The text of the coordinate token of a whole number of 0..100: "0.07". */
export function coordinateToken(value: number): string {
  return (value / COORDINATE_BINS).toFixed(2);
}

/** All 101 coordinate tokens, in order. */
export const COORDINATE_TOKENS: readonly string[] = Array.from({ length: COORDINATE_BINS + 1 }, (_, value) =>
  coordinateToken(value),
);

/**
 * A box as an answer, in LLaVA's style: "[0.12, 0.34, 0.56, 0.78]".
 *
 * @throws UsageError when a coordinate is outside [0, 1] or not a number
 */
export function boxText(box: Box): string {
  return `[${quantiseBox(box).map(coordinateToken).join(", ")}]`;
}
