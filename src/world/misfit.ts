import { type Description, referent, withAttributes } from "./description.ts";
import { describedIn, truthOf } from "./reading.ts";
import type { Scene } from "./scene.ts";

/** Why a question has no true answer about a scene. */
export type Misfit =
  /** It is none of the questions that the world asks. */
  | { readonly why: "unheard" }
  /** No shape has these attributes, or several have them: "purple cross". */
  | { readonly why: "none" | "several"; readonly words: string }
  /** Where a shape lies is too close to call. */
  | { readonly why: "unclear" };

/**
 * Why `truthOf` knows no answer to a question.
 *
 * @example
 * misfitOf(sceneOf("test", 130), "Where is the purple cross?"); // { why: "none", words: "purple cross" }
 *
 * @returns undefined where it knows one
 */
export function misfitOf(scene: Scene, text: string): Misfit | undefined {
  if (truthOf(scene, text) !== undefined) return undefined;
  const phrases = describedIn(text);
  // A count, or a question whether there is something, has an answer wherever its phrase can be counted.
  if (!phrases || phrases.length === 0) return { why: "unheard" };
  return phrases.map((about) => misfitOfPhrase(scene, about)).find((why) => why !== undefined) ?? { why: "unclear" };
}

/** Why a description does not mean one shape. */
function misfitOfPhrase(scene: Scene, about: Description): Misfit | undefined {
  if (referent(scene, about) !== undefined) return undefined;
  const count = withAttributes(scene, about).length;
  if (count === 0) return { why: "none", words: attributesIn(about) };
  const { relation, location } = about;
  if (relation) return misfitOfPhrase(scene, relation.anchor) ?? { why: "unclear" };
  return location ? { why: "unclear" } : { why: "several", words: attributesIn(about) };
}

/** The attributes that are named, as in "large blue shape". */
function attributesIn({ size, colour, shape }: Description): string {
  return [size, colour, shape ?? "shape"].filter((word) => word !== undefined).join(" ");
}
