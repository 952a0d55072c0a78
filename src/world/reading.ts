import type { Box } from "../core/boxes.ts";
import { COLOURS, type Colour, SHAPES, type Shape, type Size } from "./attributes.ts";
import { boxText } from "./coordinates.ts";
import {
  type Description,
  DIRECTIONS,
  type Direction,
  type Location,
  referent,
  stands,
  withAttributes,
} from "./description.ts";
import type { Family } from "./question.ts";
import type { Scene } from "./scene.ts";
import * as templates from "./templates.ts";
import {
  ATTRIBUTE_JOINT,
  DIRECTION_PHRASES,
  GENERIC_NOUNS,
  LOCATION_AFTER,
  LOCATION_BEFORE,
  PLURALS,
  RELATION_JOINTS,
  SIZE_WORDS,
} from "./wording.ts";

/** What a question about a scene is answered by. */
export interface Truth {
  readonly family: Family;
  /** As `Question.answer` has it: a word, a number or a box in text. */
  readonly answer: string;
  /** The exact box, where one is asked for. */
  readonly box?: Box;
}

/**
 * The true answer to a question that someone typed: any that the world's templates and words can make, whether or not
 * `questionsFor` draws it. Capitals, spaces and the mark at the end do not matter.
 *
 * @example
 * truthOf(sceneOf("test", 129), "Where is the purple cross?")?.answer; // "[0.36, 0.65, 0.57, 0.86]"
 *
 * @returns undefined when the question is none of the world's, when a phrase in it does not mean exactly one shape of
 * the scene, or when a relation is not clear (see `stands`)
 */
export function truthOf(scene: Scene, text: string): Truth | undefined {
  const asked = plainly(text);
  for (const { family, patterns, answer } of KINDS)
    for (const pattern of patterns) {
      const slots = pattern.exec(asked)?.groups;
      const truth = slots && answer(scene, slots);
      if (truth !== undefined) return typeof truth === "string" ? { family, answer: truth } : { family, ...truth };
    }
  return undefined;
}

/**
 * What the phrases of a question describe of which each should mean one shape: "Where is the purple cross?" has one,
 * a question for a count none.
 *
 * @returns undefined when the question is none of the world's
 */
export function describedIn(text: string): readonly Description[] | undefined {
  const asked = plainly(text);
  for (const pattern of KINDS.flatMap(({ patterns }) => patterns)) {
    const slots = pattern.exec(asked)?.groups;
    const phrases = slots && [slots.the, slots.other].filter((words) => words !== undefined).map(descriptionOf);
    if (phrases?.every((about) => about !== undefined)) return phrases;
  }
  return undefined;
}

/** A question in small letters, without the mark at its end. */
function plainly(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/ ?[?.!]+$/, "");
}

/** Words by what they stand for; of two that begin alike the longer one comes first. */
type Lexicon<T extends string> = readonly (readonly [words: string, meaning: T])[];

const lexicon = <T extends string>(words: Readonly<Record<T, readonly string[]>>): Lexicon<T> =>
  (Object.entries(words) as [T, readonly string[]][])
    .flatMap(([meaning, list]) => list.map((one) => [one, meaning] as const))
    .sort(([a], [b]) => b.length - a.length);
const SIZE_LEXICON = lexicon(SIZE_WORDS);
const BEFORE = lexicon(LOCATION_BEFORE);
const AFTER = lexicon(LOCATION_AFTER);
const TOWARDS = lexicon(DIRECTION_PHRASES);

const meaningOf = <T extends string>(entries: Lexicon<T>, words: string | undefined): T | undefined =>
  entries.find(([one]) => one === words)?.[1];
const oneOf = (words: readonly string[]): string => `(?:${words.join("|")})`;
const wordsOf = (entries: Lexicon<string>): string => oneOf(entries.map(([words]) => words));

const COLOUR = oneOf(COLOURS);
const SIZE = wordsOf(SIZE_LEXICON);
const NOUN = oneOf([...SHAPES, ...GENERIC_NOUNS]);
const JOINT = oneOf(["and", ...RELATION_JOINTS.filter((joint) => joint !== "")]);
/** A noun phrase, as `phrase` of wording.ts puts one together; the anchor of its relation is another. */
const PHRASE = new RegExp(
  `^(?:(?<before>${wordsOf(BEFORE)}) )?(?:(?<size>${SIZE}) )?(?:(?<colour>${COLOUR}) )?(?<noun>${NOUN})` +
    `(?: ${ATTRIBUTE_JOINT} (?:(?<laterSize>${SIZE})(?: and (?<andColour>${COLOUR}))?|(?<laterColour>${COLOUR})))?` +
    `(?: (?<after>${wordsOf(AFTER)}))?(?: (?:${JOINT} )?(?<direction>${wordsOf(TOWARDS)}) the (?<anchor>.+))?$`,
);
/** Each plural with its singular. */
const SINGULARS = new Map(Object.entries(PLURALS).map(([one, several]) => [several, one]));

/** What a noun phrase without its article says; undefined where it is none. */
function descriptionOf(words: string): Description | undefined {
  const found = PHRASE.exec(words)?.groups;
  if (!found) return undefined;
  const colour = found.colour ?? found.andColour ?? found.laterColour;
  const size = meaningOf<Size>(SIZE_LEXICON, found.size ?? found.laterSize);
  const location = meaningOf<Location>(BEFORE, found.before) ?? meaningOf<Location>(AFTER, found.after);
  const direction = meaningOf<Direction>(TOWARDS, found.direction);
  const anchor = direction && descriptionOf(found.anchor);
  if (direction && !anchor) return undefined;
  return {
    ...(SHAPES.includes(found.noun as Shape) && { shape: found.noun as Shape }),
    ...(colour !== undefined && { colour: colour as Colour }),
    ...(size && { size }),
    ...(location && { location }),
    ...(direction && anchor && { relation: { direction, anchor } }),
  };
}

/** The shape that a phrase means, by its index. */
function shapeMeant(scene: Scene, words: string): number | undefined {
  const about = descriptionOf(words);
  return about && referent(scene, about);
}

/** How many shapes have the attributes of a phrase; one that says where a shape is asks for something else. */
function countOf(scene: Scene, words: string): number | undefined {
  const about = descriptionOf(words);
  return about && !about.relation && !about.location ? withAttributes(scene, about).length : undefined;
}

/** What stands in the slots of a question. */
type Slots = Readonly<Record<string, string>>;

/** The two shapes of a relation. */
function pairMeant({ shapes, ...scene }: Scene, slots: Slots) {
  const [target, anchor] = [slots.the, slots.other].map((words) => shapeMeant({ shapes, ...scene }, words));
  return target === undefined || anchor === undefined ? undefined : ([shapes[target], shapes[anchor]] as const);
}

const YES_NO = (isTrue: boolean): string => (isTrue ? "yes" : "no");

/** The kinds of questions, with their patterns and how each is answered. */
const KINDS: readonly {
  readonly family: Family;
  readonly patterns: readonly RegExp[];
  readonly answer: (scene: Scene, slots: Slots) => string | Omit<Truth, "family"> | undefined;
}[] = [
  {
    family: "existence",
    patterns: patternsOf(templates.EXISTENCE_TEMPLATES),
    answer(scene, { a }) {
      const count = countOf(scene, a);
      return count === undefined ? undefined : YES_NO(count > 0);
    },
  },
  {
    family: "count",
    patterns: patternsOf(templates.COUNT_TEMPLATES),
    answer(scene, { plural }) {
      const noun = /[a-z]+$/.exec(plural)?.[0] ?? "";
      const singular = SINGULARS.get(noun);
      if (singular === undefined) return undefined;
      return countOf(scene, plural.slice(0, -noun.length) + singular)?.toString();
    },
  },
  ...(["colour", "shape"] as const).map((family) => ({
    family,
    patterns: patternsOf(family === "colour" ? templates.COLOUR_TEMPLATES : templates.SHAPE_TEMPLATES),
    answer(scene: Scene, { the }: Slots) {
      const index = shapeMeant(scene, the);
      return index === undefined ? undefined : scene.shapes[index][family];
    },
  })),
  {
    family: "grounding",
    patterns: patternsOf(templates.GROUNDING_TEMPLATES),
    answer(scene, { the }) {
      const index = shapeMeant(scene, the);
      return index === undefined
        ? undefined
        : { answer: boxText(scene.shapes[index].box), box: scene.shapes[index].box };
    },
  },
  ...(["horizontal", "vertical"] as const).map((axis) => ({
    family: "relation" as const,
    patterns: patternsOf(templates.SIDE_TEMPLATES[axis]),
    answer(scene: Scene, slots: Slots) {
      const pair = pairMeant(scene, slots);
      const sides = axis === "horizontal" ? DIRECTIONS.slice(0, 2) : DIRECTIONS.slice(2);
      return pair && sides.find((side) => stands(pair[0], side, pair[1]) === "true");
    },
  })),
  {
    family: "relation",
    patterns: patternsOf(templates.STATEMENT_TEMPLATES),
    answer(scene, slots) {
      const pair = pairMeant(scene, slots);
      const claim = meaningOf<Direction>(TOWARDS, slots.direction);
      const standing = pair && claim && stands(pair[0], claim, pair[1]);
      return standing === undefined || standing === "unclear" ? undefined : YES_NO(standing === "true");
    },
  },
];

/** Patterns of texts that templates make, with a group for each slot; the mark at the end is left out. */
function patternsOf(texts: readonly string[]): RegExp[] {
  const slots: Readonly<Record<string, string>> = {
    a: "an? (?<a>.+)",
    // As short as possible: "the ring to the left of …" is no ring "to the" that is left of something.
    the: "the (?<the>.+?)",
    other: "the (?<other>.+?)",
    plural: "(?<plural>.+)",
    direction: `(?<direction>${wordsOf(TOWARDS)})`,
  };
  return texts.map(
    (text) =>
      new RegExp(
        `^${text
          .toLowerCase()
          .replace(/[?.]$/, "")
          .replace(/\{(\w+)\}/g, (_, name) => slots[name])}$`,
      ),
  );
}
