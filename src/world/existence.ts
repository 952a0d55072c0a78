import type { Random } from "../core/random-numbers.ts";
import { COLOURS, SHAPES } from "./attributes.ts";
import { isPresent, questionable } from "./balance.ts";
import { withAttributes } from "./description.ts";
import { happens, pick, pickWeighted } from "./draws.ts";
import { ALL_PAIRS, FREQUENT_PAIRS, HELD_OUT_PAIRS, isFrequent, isHeldOut, type Pair } from "./pairs.ts";
import type { ExistenceStyle, Question } from "./question.ts";
import type { Scene } from "./scene.ts";
import { EXISTENCE_TEMPLATES } from "./templates.ts";
import { fill, indefinite } from "./wording.ts";

/** How often each style is tried. */
const STYLE_WEIGHTS: Readonly<Record<ExistenceStyle, number>> = {
  random: 1,
  frequent: 1,
  adversarial: 1.5,
  colour: 0.4,
  shape: 0.4,
};
const STYLES = Object.keys(STYLE_WEIGHTS) as ExistenceStyle[];

/** Held-out pairs are all equally rare, so that only these styles mean something for them. */
const COMPOSITIONAL_STYLES = ["random", "adversarial"] as const;

/** Share of the frequent pairs among those of training. */
const FREQUENT_SHARE = FREQUENT_PAIRS.length / (ALL_PAIRS.length - HELD_OUT_PAIRS.length);

/** What may be asked about, there and not there. */
interface Candidates {
  readonly present: readonly Partial<Pair>[];
  readonly absent: readonly Partial<Pair>[];
}

/**
 * A question whether something is there. A coin decides whether it is, and scenes in which only one
 * of the two is possible are passed over: so "yes" and "no" are equally likely whatever is asked about.
 */
export function proposeExistence(scene: Scene, random: Random): Question | undefined {
  const style = drawStyle(scene, random);
  const { present, absent } =
    style === "colour" || style === "shape" ? singles(scene, style) : pairs(scene, style, random);
  if (present.length === 0 || absent.length === 0) return undefined;
  const isThere = happens(random, 0.5);
  const about = pick(random, isThere ? present : absent) as Partial<Pair>;
  return {
    family: "existence",
    style,
    text: fill(pick(random, EXISTENCE_TEMPLATES), { a: indefinite(random, about) }),
    answer: isThere ? "yes" : "no",
    chance: 1 / 2,
    about,
    subjects: withAttributes(scene, about),
  };
}

function drawStyle(scene: Scene, random: Random): ExistenceStyle {
  if (scene.split === "compositional") return pick(random, COMPOSITIONAL_STYLES);
  const weights = STYLES.map((style) => STYLE_WEIGHTS[style]);
  return STYLES[pickWeighted(random, weights)];
}

function singles(scene: Scene, style: "colour" | "shape"): Candidates {
  const values: Partial<Pair>[] =
    style === "colour" ? COLOURS.map((colour) => ({ colour })) : SHAPES.map((shape) => ({ shape }));
  const isThere = (value: Partial<Pair>): boolean => withAttributes(scene, value).length > 0;
  return { present: values.filter(isThere), absent: values.filter((value) => !isThere(value)) };
}

/**
 * Pairs of one class: held-out, frequent or neither. Within a class all pairs are equally common, so that
 * a pair asked about is there as often as not.
 *
 * In training, held-out pairs are not asked about at all: "no" would be right each time, and learnt.
 */
function pairs(scene: Scene, style: "random" | "frequent" | "adversarial", random: Random): Candidates {
  const heldOut = scene.split === "compositional";
  const frequent = !heldOut && (style === "frequent" || happens(random, FREQUENT_SHARE));
  const inClass = (pair: Pair): boolean => isHeldOut(pair) === heldOut && isFrequent(pair) === frequent;
  const absent = ALL_PAIRS.filter((pair) => inClass(pair) && !isPresent(scene, pair));
  return {
    present: questionable(scene)
      .map((i): Pair => ({ colour: scene.shapes[i].colour, shape: scene.shapes[i].shape }))
      .filter(inClass),
    absent: style === "adversarial" ? absent.filter((pair) => halvesPresent(scene, pair)) : absent,
  };
}

/** Whether the colour is there on another shape, and the shape in another colour. */
function halvesPresent({ shapes }: Scene, { colour, shape }: Pair): boolean {
  return shapes.some((one) => one.colour === colour) && shapes.some((one) => one.shape === shape);
}
