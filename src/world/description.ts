import type { Attributes } from "./attributes.ts";
import { centre } from "./geometry.ts";
import type { Scene, SceneShape } from "./scene.ts";

export const LOCATIONS = ["left", "right", "top", "bottom"] as const;
/** The outermost of several shapes: "left" is the leftmost one. */
export type Location = (typeof LOCATIONS)[number];

export const DIRECTIONS = ["left", "right", "above", "below"] as const;
/** Where a shape is, seen from another. */
export type Direction = (typeof DIRECTIONS)[number];

/**
 * What a phrase such as "the blue star to the left of the large square" says, as plain JSON. A shape
 * must have all the attributes named; then comes the relation, then the location among those that are left.
 */
export interface Description extends Partial<Attributes> {
  readonly relation?: { readonly direction: Direction; readonly anchor: Description };
  readonly location?: Location;
}

/** How much further out the outermost shape must be than the next, as a share of the picture's side. */
export const PLACE_MARGIN = 0.08;

/** Indices of the shapes that have the attributes named; relation and location are not looked at. */
export function withAttributes({ shapes }: Scene, { shape, colour, size }: Partial<Attributes>): number[] {
  const fitting: number[] = [];
  shapes.forEach((one, i) => {
    if ((shape ?? one.shape) === one.shape && (colour ?? one.colour) === one.colour && (size ?? one.size) === one.size)
      fitting.push(i);
  });
  return fitting;
}

/** Whether a statement about two shapes holds: one that is neither clearly true nor false is not asked. */
export type Standing = "true" | "false" | "unclear";

/**
 * Whether a shape is left of (right of, above, below) another: true when their boxes are apart in that
 * direction, false when its middle is not even on that side, unclear between the two.
 */
export function stands(one: SceneShape, direction: Direction, other: SceneShape): Standing {
  if (direction === "right") return stands(other, "left", one);
  if (direction === "below") return stands(other, "above", one);
  const axis = direction === "left" ? 0 : 1;
  if (one.box[axis + 2] < other.box[axis]) return "true";
  return centre(one.box)[axis] >= centre(other.box)[axis] ? "false" : "unclear";
}

/**
 * The one shape that a description means.
 *
 * @returns its index; undefined when none or several fit, or when a relation or a location is not clear
 */
export function referent(scene: Scene, description: Description): number | undefined {
  let fitting = withAttributes(scene, description);
  if (description.relation) {
    const { direction, anchor } = description.relation;
    const anchorIndex = referent(scene, anchor);
    if (anchorIndex === undefined) return undefined;
    const standings = fitting.map((i) => stands(scene.shapes[i], direction, scene.shapes[anchorIndex]));
    if (standings.includes("unclear")) return undefined;
    fitting = fitting.filter((_, i) => standings[i] === "true");
  }
  if (description.location) return outermost(scene, fitting, description.location);
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** The clearly outermost of two or more shapes, by its middle and by its edge. */
function outermost({ shapes }: Scene, indices: readonly number[], location: Location): number | undefined {
  if (indices.length < 2) return undefined;
  const axis = location === "left" || location === "right" ? 0 : 1;
  const sign = location === "left" || location === "top" ? 1 : -1;
  const edge = sign === 1 ? axis : axis + 2;
  const middles = indices.map((i) => sign * centre(shapes[i].box)[axis]);
  const edges = indices.map((i) => sign * shapes[i].box[edge]);
  const first = middles.indexOf(Math.min(...middles));
  const clear = indices.every(
    (_, i) => i === first || (middles[i] >= middles[first] + PLACE_MARGIN && edges[i] > edges[first]),
  );
  return clear ? indices[first] : undefined;
}
