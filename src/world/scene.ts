import type { Box } from "../core/boxes.ts";
import { NuwaError } from "../core/errors.ts";
import type { Random } from "../core/random-numbers.ts";
import { type Attributes, COLOUR_JITTER, COLOUR_RGB, type Rgb, type Shape, SIZE_EXTENTS, SIZES } from "./attributes.ts";
import { type Background, drawBackground } from "./background.ts";
import { between, integerBelow, pick } from "./draws.ts";
import { ASPECT, apart } from "./geometry.ts";
import {
  COMPOSITIONAL_FREQUENCIES,
  drawPair,
  HELD_OUT_PAIRS,
  type Pair,
  type PairFrequencies,
  TRAINING_FREQUENCIES,
} from "./pairs.ts";
import { type Split, sceneRandom } from "./splits.ts";

/** A shape and its box in the picture. */
export interface SceneShape extends Attributes {
  /** The smallest box around the drawn shape. */
  readonly box: Box;
  /** The colour it is painted in: its colour's, a little changed. */
  readonly rgb: Rgb;
}

/** A picture's contents. It follows from the split and the seed alone, and is plain JSON. */
export interface Scene {
  readonly split: Split;
  readonly seed: number;
  /** 2 to 6 shapes that do not overlap. */
  readonly shapes: readonly SceneShape[];
  readonly background: Background;
  /** Standard deviation of the noise on each channel of each pixel, in levels of 255. */
  readonly noise: number;
}

/** Fewest and most shapes of a scene. */
export const SHAPE_COUNTS = { least: 2, most: 6 } as const;
/** Least distance of two shapes' boxes, along one axis, and of a box from the picture's edge. */
export const GAP = 0.02;
/** Strongest noise, in levels of 255. */
const MOST_NOISE = 6;

/** Numbers for the aspects of a scene that do not look at one another (see `sceneRandom`). */
const SCENE_ASPECT = 0;

/**
 * The scene of a seed.
 *
 * @param seed 0..2³⁰−1; the same seed in another split is another scene
 * @throws UsageError for a seed out of that range
 */
export function sceneOf(split: Split, seed: number): Scene {
  const random = sceneRandom(split, seed, SCENE_ASPECT);
  const count = SHAPE_COUNTS.least + integerBelow(random, SHAPE_COUNTS.most - SHAPE_COUNTS.least + 1);
  const pairs = split === "compositional" ? compositionalPairs(random, count) : trainingPairs(random, count);
  return {
    split,
    seed,
    shapes: layOut(random, pairs),
    background: drawBackground(random),
    noise: Math.round(between(random, 0, MOST_NOISE) * 10) / 10,
  };
}

function trainingPairs(random: Random, count: number): Pair[] {
  const pairs = [drawPair(random, TRAINING_FREQUENCIES)];
  while (pairs.length < count) pairs.push(nextPair(random, pairs, TRAINING_FREQUENCIES));
  return pairs;
}

/** As training pairs, but one is held out, and others may be. */
function compositionalPairs(random: Random, count: number): Pair[] {
  const pairs = [pick(random, HELD_OUT_PAIRS) as Pair];
  while (pairs.length < count) pairs.push(nextPair(random, pairs, COMPOSITIONAL_FREQUENCIES));
  return pairs;
}

/**
 * One more pair. Most often it shares its colour, its shape or both with a shape that is already there:
 * only then are there things to count, and referring expressions that need size, location or relation.
 */
function nextPair(random: Random, pairs: readonly Pair[], frequencies: PairFrequencies): Pair {
  const model = pick(random, pairs) as Pair;
  const kind = random();
  if (kind < 0.2) return model;
  if (kind < 0.4) return drawPair(random, frequencies, { colour: model.colour });
  if (kind < 0.6) return drawPair(random, frequencies, { shape: model.shape });
  return drawPair(random, frequencies);
}

/** Gives each pair a size and a box; sizes are drawn again when the shapes do not fit. */
function layOut(random: Random, pairs: readonly Pair[]): SceneShape[] {
  for (let round = 0; round < 10_000; round++) {
    const attributes = pairs.map((pair): Attributes => ({ ...pair, size: pick(random, SIZES) }));
    const boxes = placeBoxes(random, attributes);
    if (boxes) return attributes.map((one, i) => ({ ...one, box: boxes[i], rgb: paint(random, one) }));
  }
  // Six small shapes always fit, so that this is not reached with the sizes above.
  throw new NuwaError(`${pairs.length} shapes do not fit. Make the sizes in attributes.ts smaller.`);
}

/** A box for each shape, the widest first; undefined when there is no space for one after a few tries. */
function placeBoxes(random: Random, attributes: readonly Attributes[]): Box[] | undefined {
  const extents = attributes.map(({ size }) => round4(between(random, ...SIZE_EXTENTS[size])));
  const order = extents.map((_, i) => i).sort((a, b) => extents[b] - extents[a]);
  const boxes: Box[] = [];
  const taken: Box[] = [];
  for (const i of order) {
    const box = freeBox(random, attributes[i].shape, extents[i], taken);
    if (!box) return undefined;
    taken.push(box);
    boxes[i] = box;
  }
  return boxes;
}

function freeBox(random: Random, shape: Shape, width: number, taken: readonly Box[]): Box | undefined {
  const height = round4(width * ASPECT[shape]);
  for (let attempt = 0; attempt < 40; attempt++) {
    const x = round4(between(random, GAP, 1 - GAP - width));
    const y = round4(between(random, GAP, 1 - GAP - height));
    const box: Box = [x, y, round4(x + width), round4(y + height)];
    if (taken.every((other) => apart(box, other, GAP))) return box;
  }
  return undefined;
}

/** Positions are multiples of 1/10000, so that the SVG's text holds them exactly. */
function round4(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function paint(random: Random, { colour }: Attributes): Rgb {
  const [red, green, blue] = COLOUR_RGB[colour];
  const jittered = (level: number): number =>
    Math.round(Math.min(255, Math.max(0, level + between(random, -COLOUR_JITTER, COLOUR_JITTER))));
  return [jittered(red), jittered(green), jittered(blue)];
}
