import type { Random } from "../core/random-numbers.ts";
import type { Colour, Shape, Size } from "./attributes.ts";
import type { Description, Direction, Location } from "./description.ts";
import { happens, pick } from "./draws.ts";

type Words = readonly [string, ...string[]];

/** Nouns for a shape whose kind is not named. */
export const GENERIC_NOUNS: Words = ["shape", "object", "thing"];
/** The same, where the shape is asked for. */
export const SHAPELESS_NOUNS: Words = ["object", "thing"];

export const PLURALS: Readonly<Record<Shape | "shape" | "object" | "thing", string>> = {
  circle: "circles",
  square: "squares",
  triangle: "triangles",
  star: "stars",
  cross: "crosses",
  ring: "rings",
  shape: "shapes",
  object: "objects",
  thing: "things",
};

export const SIZE_WORDS: Readonly<Record<Size, Words>> = {
  small: ["small", "little"],
  medium: ["medium"],
  large: ["large", "big"],
};

/** Location words before the noun … */
export const LOCATION_BEFORE: Readonly<Record<Location, Words>> = {
  left: ["left", "leftmost"],
  right: ["right", "rightmost"],
  top: ["top", "topmost"],
  bottom: ["bottom", "lowest"],
};
/** … and after it. */
export const LOCATION_AFTER: Readonly<Record<Location, Words>> = {
  left: ["on the left", "furthest to the left"],
  right: ["on the right", "furthest to the right"],
  top: ["at the top", "furthest up"],
  bottom: ["at the bottom", "furthest down"],
};

export const DIRECTION_PHRASES: Readonly<Record<Direction, Words>> = {
  left: ["to the left of", "left of", "on the left side of"],
  right: ["to the right of", "right of", "on the right side of"],
  above: ["above", "over", "higher than"],
  below: ["below", "under", "lower than"],
};

/** What may stand between a noun and the direction. */
export const RELATION_JOINTS: Words = ["that is", "which is", "that lies", ""];
/** How attributes follow a noun: "the circle that is small and red". */
export const ATTRIBUTE_JOINT = "that is";
export const AND = "and";

/** How often attributes stand after the noun. */
const ATTRIBUTES_AFTER = 0.2;

/**
 * A description in words, without an article. The same description may be worded in several ways.
 *
 * @param nouns what to call a shape whose kind is not named
 */
export function phrase(random: Random, description: Description, nouns: Words = GENERIC_NOUNS): string {
  const { shape, location, relation } = description;
  const noun = shape ?? pick(random, nouns);
  const attributes = attributeWords(random, description);
  if (location)
    return happens(random, 0.5)
      ? sentence(pick(random, LOCATION_BEFORE[location]), ...attributes, noun)
      : sentence(...attributes, noun, pick(random, LOCATION_AFTER[location]));
  const after = attributes.length > 0 && happens(random, ATTRIBUTES_AFTER);
  const head = after ? sentence(noun, ATTRIBUTE_JOINT, attributes.join(` ${AND} `)) : sentence(...attributes, noun);
  if (!relation) return head;
  const joint = after ? AND : pick(random, RELATION_JOINTS);
  return sentence(head, joint, pick(random, DIRECTION_PHRASES[relation.direction]), the(random, relation.anchor));
}

/** "the" with a description in words. */
export function the(random: Random, description: Description, nouns: Words = GENERIC_NOUNS): string {
  return `the ${phrase(random, description, nouns)}`;
}

/** "a" with a colour, a shape or both in words: "a red circle", "a red thing". */
export function indefinite(random: Random, { shape, colour }: { shape?: Shape; colour?: Colour }): string {
  return sentence("a", colour ?? "", shape ?? pick(random, GENERIC_NOUNS));
}

/** Attributes in words, for several shapes: "red circles", "small things", "shapes". */
export function plural(random: Random, description: Description): string {
  const noun = description.shape ?? (pick(random, GENERIC_NOUNS) as "shape" | "object" | "thing");
  return sentence(...attributeWords(random, description), PLURALS[noun]);
}

function attributeWords(random: Random, { size, colour }: Description): string[] {
  return [...(size ? [pick(random, SIZE_WORDS[size])] : []), ...(colour ? [colour] : [])];
}

function sentence(...words: string[]): string {
  return words.filter((word) => word !== "").join(" ");
}

/** Fills the slots of a template such as "Is {the} {direction} {other}?". */
export function fill(template: string, slots: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => slots[name]);
}
