import type { Random } from "../core/random-numbers.ts";
import { COLOURS, type Colour, SHAPES, type Shape } from "./attributes.ts";
import { pickWeighted } from "./draws.ts";

/** A colour with a shape: what existence questions ask about and what the compositional split holds out. */
export interface Pair {
  readonly colour: Colour;
  readonly shape: Shape;
}

/**
 * The pairs that no training or tuning scene contains and no training or tuning question names: 8 of 48
 * (17 %). Each colour is in one, each shape in one or two.
 */
export const HELD_OUT_PAIRS: readonly Pair[] = [
  { colour: "red", shape: "star" },
  { colour: "green", shape: "ring" },
  { colour: "blue", shape: "square" },
  { colour: "yellow", shape: "cross" },
  { colour: "purple", shape: "circle" },
  { colour: "cyan", shape: "triangle" },
  { colour: "black", shape: "circle" },
  { colour: "white", shape: "square" },
];

/**
 * The pairs drawn about three times as often as others, so that "frequent" absent objects mean something
 * (POPE's popular setting). Each colour is in one, each shape in one or two.
 */
export const FREQUENT_PAIRS: readonly Pair[] = [
  { colour: "red", shape: "circle" },
  { colour: "green", shape: "square" },
  { colour: "blue", shape: "triangle" },
  { colour: "yellow", shape: "star" },
  { colour: "purple", shape: "cross" },
  { colour: "cyan", shape: "ring" },
  { colour: "black", shape: "square" },
  { colour: "white", shape: "circle" },
];

const samePair = (a: Pair, b: Pair): boolean => a.colour === b.colour && a.shape === b.shape;

/** Whether a pair is kept out of training and tuning. */
export const isHeldOut = (pair: Pair): boolean => HELD_OUT_PAIRS.some((held) => samePair(held, pair));

/** Whether a pair is one of the {@link FREQUENT_PAIRS}. */
export const isFrequent = (pair: Pair): boolean => FREQUENT_PAIRS.some((frequent) => samePair(frequent, pair));

/** Every colour with every shape. */
export const ALL_PAIRS: readonly Pair[] = COLOURS.flatMap((colour) => SHAPES.map((shape) => ({ colour, shape })));

/** How often pairs are drawn: colour index → shape index → probability. */
export type PairFrequencies = readonly (readonly number[])[];

/**
 * The frequencies of training scenes. Held-out pairs have none, frequent ones about three times the
 * usual; rows and columns are then scaled in turn (Sinkhorn) until every colour and every shape is
 * equally likely by itself. Hence neither a colour nor a shape tells anything by how common it is.
 */
export const TRAINING_FREQUENCIES: PairFrequencies = equalMargins(
  COLOURS.map((colour) =>
    SHAPES.map((shape) => (isHeldOut({ colour, shape }) ? 0 : isFrequent({ colour, shape }) ? 3 : 1)),
  ),
);

/** The frequencies of compositional scenes: held-out pairs are as usual as unfrequent ones. */
export const COMPOSITIONAL_FREQUENCIES: PairFrequencies = equalMargins(
  COLOURS.map((colour) => SHAPES.map((shape) => (isFrequent({ colour, shape }) ? 3 : 1))),
);

function equalMargins(weights: readonly (readonly number[])[]): PairFrequencies {
  let scaled = weights.map((row) => [...row]);
  for (let round = 0; round < 50; round++) {
    const columns = SHAPES.map((_, shape) => scaled.reduce((sum, row) => sum + row[shape], 0));
    scaled = scaled.map((row) => row.map((weight, shape) => weight / (columns[shape] * SHAPES.length)));
    scaled = scaled.map((row) => {
      const sum = row.reduce((total, weight) => total + weight, 0);
      return row.map((weight) => weight / (sum * COLOURS.length));
    });
  }
  return scaled;
}

/** How often a pair is drawn. */
export function frequencyOf(frequencies: PairFrequencies, { colour, shape }: Pair): number {
  return frequencies[COLOURS.indexOf(colour)][SHAPES.indexOf(shape)];
}

/** A pair at its frequency; where a colour or a shape is given, among the pairs that have it. */
export function drawPair(random: Random, frequencies: PairFrequencies, given: Partial<Pair> = {}): Pair {
  const pairs = ALL_PAIRS.filter(
    ({ colour, shape }) => colour === (given.colour ?? colour) && shape === (given.shape ?? shape),
  );
  return pairs[
    pickWeighted(
      random,
      pairs.map((pair) => frequencyOf(frequencies, pair)),
    )
  ];
}
