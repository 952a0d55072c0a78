import * as tf from "@tensorflow/tfjs";
import { mixedRandom, sampleWithoutReplacement } from "../../core/random-numbers.ts";
import { noTap, replace, type Tap } from "../../core/taps.ts";
import type { Pruning } from "../../methods/method.ts";
import { none } from "../../methods/none.ts";
import type { PositionFunction } from "../../methods/nuwa/positions.ts";

/** A model as it is run: a method, and what a tap changes on the way. */
export interface Run {
  readonly method: Pruning;
  readonly tap: Tap;
  /** Whether the picture is replaced by an even one, of the mean colour that pixels are normalised with. */
  readonly grey?: boolean;
}

/**
 * The ids of the visual tokens in a random order, the same for every image. The tokens stay where they
 * were; only the position that RoPE gets for them is wrong. Text keeps its ids.
 *
 * Nothing may have been dropped.
 */
export function permutedPositions(seed: number): PositionFunction {
  return (offsets, start, { length }) => {
    const order = sampleWithoutReplacement(offsets.length, offsets.length, mixedRandom(seed));
    const visual = order.map((token) => (offsets[token] ?? []).map((offset) => start + offset));
    return { visual, nextPosition: start + length };
  };
}

/**
 * The ids squeezed into half of their range: cell p gets s + ⌊p/2⌋, so that two neighbours share an id,
 * and the text goes on at s + ⌈N/2⌉. Its effect on an unpruned model is that of consecutive ids on a
 * pruned one.
 */
export const halvedPositions: PositionFunction = (offsets, start, { length }) => ({
  visual: offsets.map((ids = []) => ids.map((offset) => start + Math.floor(offset / 2))),
  nextPosition: start + Math.ceil(length / 2),
});

/** Every visual token is zero when it enters the decoder; their number and their ids stay. */
export const blindfold: Tap = replace({ "projector.output": (x) => tf.zerosLike(x) });

/**
 * Controls: the unpruned model with one thing removed, to measure its effect. Name → run.
 * - `permuted`: {@link permutedPositions}; - `compressed-range`: {@link halvedPositions};
 * - `blind`: {@link blindfold}. The decoder was never trained on such tokens, and what it says need not be an
 *   answer at all; - `grey`: an even picture, which the model can make sense of: what it answers by habit.
 */
export const CONTROLS = {
  permuted: { positions: "permuted", run: (seed: number): Run => keepAll("permuted", permutedPositions(seed)) },
  "compressed-range": { positions: "halved", run: (): Run => keepAll("compressed-range", halvedPositions) },
  blind: { positions: "original", run: (): Run => ({ ...keepAll("blind", "original"), tap: blindfold }) },
  grey: { positions: "original", run: (): Run => ({ ...keepAll("grey", "original"), grey: true }) },
} as const;

/** A key of {@link CONTROLS}. */
export type Control = keyof typeof CONTROLS;

function keepAll(name: string, positions: PositionFunction | "original"): Run {
  return { method: { ...none(positions), name }, tap: noTap };
}
