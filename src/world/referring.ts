import type { Random } from "../core/random-numbers.ts";
import type { Attributes } from "./attributes.ts";
import { type Description, DIRECTIONS, LOCATIONS, referent, stands, withAttributes } from "./description.ts";
import { happens, pick } from "./draws.ts";
import type { Scene } from "./scene.ts";

/**
 * The three ways to refer to one shape.
 *
 * - `place`: attributes and a location word, after RefCOCO: "the left red circle"
 * - `attributes`: attributes only, after RefCOCO+: "the small red circle"
 * - `relation`: longer, with another shape named, after RefCOCOg: "the blue star that is to the left of the large
 * square"
 */
export const REFERRING_STYLES = ["place", "attributes", "relation"] as const;
export type ReferringStyle = (typeof REFERRING_STYLES)[number];

type Attribute = keyof Attributes;
const SUBSETS: readonly (readonly Attribute[])[] = [
  [],
  ["size"],
  ["colour"],
  ["shape"],
  ["size", "colour"],
  ["size", "shape"],
  ["colour", "shape"],
  ["size", "colour", "shape"],
];

/**
 * A description of a shape in one style that fits it and no other.
 *
 * @param without an attribute that must not be named, because it is asked for
 * @returns undefined when there is none in this style
 */
export function refer(
  random: Random,
  scene: Scene,
  target: number,
  style: ReferringStyle,
  without?: Attribute,
): Description | undefined {
  if (style === "relation") return referByRelation(random, scene, target, without);
  const descriptions = subsetsOf(scene, target, without).flatMap((attributes): Description[] =>
    style === "attributes" ? [attributes] : LOCATIONS.map((location) => ({ ...attributes, location })),
  );
  return pick(
    random,
    descriptions.filter((description) => referent(scene, description) === target),
  );
}

/** All ways to name some, all or none of a shape's attributes. */
function subsetsOf(scene: Scene, target: number, without?: Attribute): Description[] {
  return SUBSETS.filter((subset) => without === undefined || !subset.includes(without)).map((subset) =>
    Object.fromEntries(subset.map((attribute) => [attribute, scene.shapes[target][attribute]])),
  );
}

/** How often a relation is needed to tell the target from others with the attributes named, where it can be. */
const RELATION_NEEDED = 0.75;

function referByRelation(random: Random, scene: Scene, target: number, without?: Attribute): Description | undefined {
  const anchors = scene.shapes.flatMap((_, i) => {
    const anchor = i === target ? undefined : refer(random, scene, i, "attributes");
    return anchor ? [{ index: i, anchor }] : [];
  });
  const relations = anchors.flatMap(({ index, anchor }) =>
    DIRECTIONS.filter((direction) => stands(scene.shapes[target], direction, scene.shapes[index]) === "true").map(
      (direction) => ({ direction, anchor }),
    ),
  );
  const described = subsetsOf(scene, target, without)
    .filter(({ colour, shape }) => colour !== undefined || shape !== undefined)
    .flatMap((attributes) => relations.map((relation): Description => ({ ...attributes, relation })))
    .filter((description) => referent(scene, description) === target);
  const needed = described.filter((description) => withAttributes(scene, description).length > 1);
  return pick(random, needed.length > 0 && happens(random, RELATION_NEEDED) ? needed : described);
}
