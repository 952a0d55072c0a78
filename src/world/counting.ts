import type { Random } from "../core/random-numbers.ts";
import { COLOURS, SHAPES } from "./attributes.ts";
import { questionable } from "./balance.ts";
import { type Description, withAttributes } from "./description.ts";
import { pick, pickWeighted } from "./draws.ts";
import { HELD_OUT_PAIRS } from "./pairs.ts";
import type { CountStyle, Question } from "./question.ts";
import { type Scene, SHAPE_COUNTS } from "./scene.ts";
import { COUNT_TEMPLATES } from "./templates.ts";
import { fill, plural } from "./wording.ts";

/** What is counted together, and in what share of scenes some value of it is there 0, 1, 2 and 3 times. */
interface Form {
  readonly style: CountStyle;
  readonly values: readonly Description[];
  /** How often this form is tried. */
  readonly weight: number;
  /** Measured over 100 000 scenes; a test compares it with the world. */
  readonly availability: readonly [none: number, one: number, two: number, three: number];
}

/** The forms whose answers are 0 to 3. */
export const COUNT_FORMS: readonly Form[] = [
  {
    style: "colour",
    values: COLOURS.map((colour) => ({ colour })),
    weight: 3,
    availability: [1, 0.741, 0.511, 0.259],
  },
  {
    style: "shape",
    values: SHAPES.map((shape) => ({ shape })),
    weight: 3,
    availability: [1, 0.702, 0.508, 0.274],
  },
  { style: "size", values: [{ size: "small" }], weight: 1, availability: [0.204, 0.356, 0.275, 0.125] },
  { style: "size", values: [{ size: "medium" }], weight: 1, availability: [0.221, 0.375, 0.261, 0.108] },
  { style: "size", values: [{ size: "large" }], weight: 1, availability: [0.241, 0.415, 0.269, 0.0725] },
];
const MOST_COUNTED = 3;

/**
 * The forms of compositional scenes: a value once for each held-out pair that has it, and only where it
 * counts such a pair or nothing. Listing "circle" twice, which is held out in two colours, keeps its
 * zeros in step with its ones. Sizes have nothing to do with held-out pairs.
 */
export const COMPOSITIONAL_COUNT_FORMS: readonly Form[] = [
  {
    style: "colour",
    values: HELD_OUT_PAIRS.map(({ colour }) => ({ colour })),
    weight: 3,
    availability: [1, 0.407, 0.381, 0.204],
  },
  {
    style: "shape",
    values: HELD_OUT_PAIRS.map(({ shape }) => ({ shape })),
    weight: 3,
    availability: [1, 0.365, 0.378, 0.216],
  },
];

/** How often all shapes are counted; the number of shapes is uniform by itself. */
const ALL_WEIGHT = 1;

/**
 * A question for a number. Low numbers are more common than high ones, so that they are asked for less
 * often where they occur: the answers come out equally likely.
 */
export function proposeCount(scene: Scene, random: Random): Question | undefined {
  const forms = scene.split === "compositional" ? COMPOSITIONAL_COUNT_FORMS : COUNT_FORMS;
  const form = forms[pickWeighted(random, [...forms.map(({ weight }) => weight), ALL_WEIGHT])];
  if (!form) {
    const { least, most } = SHAPE_COUNTS;
    return question(scene, random, "all", {}, 1 / (most - least + 1));
  }
  const byCount = countable(scene, form);
  const rates = byCount.map((values, count) => (values.length > 0 ? 1 / form.availability[count] : 0));
  // The share of the unit interval that is left over stands for "no question": see `fullRate`.
  const rest = fullRate(form) - rates.reduce((sum, rate) => sum + rate, 0);
  const values = byCount[pickWeighted(random, [...rates, rest])];
  const about = values && pick(random, values);
  return about && question(scene, random, form.style, about, 1 / (MOST_COUNTED + 1));
}

/** The values that are there 0, 1, 2 and 3 times and, where they are there, count a shape that may be asked about. */
export function countable(scene: Scene, { values }: Form): Description[][] {
  const allowed = new Set(questionable(scene));
  return Array.from({ length: MOST_COUNTED + 1 }, (_, count) =>
    values.filter((value) => {
      const counted = withAttributes(scene, value);
      return counted.length === count && (count === 0 || counted.some((i) => allowed.has(i)));
    }),
  );
}

/** The greatest sum of rates that one scene can have: all counts at once, or the rarest one for a single value. */
function fullRate({ values, availability }: Form): number {
  const rates = availability.map((share) => 1 / share);
  return values.length === 1 ? Math.max(...rates) : rates.reduce((sum, rate) => sum + rate, 0);
}

function question(scene: Scene, random: Random, style: CountStyle, about: Description, chance: number): Question {
  const subjects = withAttributes(scene, about);
  return {
    family: "count",
    style,
    text: fill(pick(random, COUNT_TEMPLATES), { plural: plural(random, about) }),
    answer: String(subjects.length),
    chance,
    about,
    subjects,
  };
}
