import type { Box } from "../core/boxes.ts";
import type { Description, Direction } from "./description.ts";
import type { ReferringStyle } from "./referring.ts";

export const FAMILIES = ["existence", "colour", "shape", "count", "relation", "grounding"] as const;
export type Family = (typeof FAMILIES)[number];

/**
 * Existence questions: about a pair, with the three kinds of absent objects of POPE (`random`;
 * `frequent`, its "popular"; `adversarial`), or about a colour or a shape alone.
 */
export type ExistenceStyle = "random" | "frequent" | "adversarial" | "colour" | "shape";
/** What is counted: the shapes of a colour, of a kind, of a size, or all. */
export type CountStyle = "colour" | "shape" | "size" | "all";
/** Relations: is a statement true, or which side is it. */
export type RelationStyle = "statement" | "side";

/** A question about one scene, with all that is needed to mark an answer. Plain JSON. */
export interface Question {
  readonly family: Family;
  /** Sub-family; for colour, shape and grounding how the shape is referred to. */
  readonly style: ExistenceStyle | CountStyle | RelationStyle | ReferringStyle;
  readonly text: string;
  readonly answer: string;
  /** How often a guess among the answers that this style allows is right; 0 for boxes. */
  readonly chance: number;
  /** What the question is about, in structured form. */
  readonly about: Description;
  /** The second shape of a relation. */
  readonly other?: Description;
  /** The direction that a relation's statement claims, or the axis whose side is asked for. */
  readonly claim?: Direction | "horizontal" | "vertical";
  /** Indices of the scene's shapes that the answer depends on; none for the absent. */
  readonly subjects: readonly number[];
  /** The exact box, for grounding; the answer has it rounded. */
  readonly box?: Box;
}
