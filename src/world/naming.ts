import type { Random } from "../core/random-numbers.ts";
import { COLOURS, SHAPES } from "./attributes.ts";
import { passesThinning, questionable } from "./balance.ts";
import { happens, pick } from "./draws.ts";
import type { Question } from "./question.ts";
import { refer } from "./referring.ts";
import type { Scene } from "./scene.ts";
import { COLOUR_TEMPLATES, SHAPE_TEMPLATES } from "./templates.ts";
import { fill, SHAPELESS_NOUNS, the } from "./wording.ts";

/** How often the shape asked about is told apart by its location rather than by its other attributes. */
const BY_LOCATION = 0.25;

/** A question for the colour of one shape: "What colour is the small circle?" */
export function proposeColour(scene: Scene, random: Random): Question | undefined {
  return proposeAttribute(scene, random, "colour");
}

/** A question for the shape of one shape: "What shape is the red object?" */
export function proposeShape(scene: Scene, random: Random): Question | undefined {
  return proposeAttribute(scene, random, "shape");
}

function proposeAttribute(scene: Scene, random: Random, family: "colour" | "shape"): Question | undefined {
  const target = pick(random, questionable(scene)) as number;
  const style = happens(random, BY_LOCATION) ? "place" : "attributes";
  const about = refer(random, scene, target, style, family);
  if (!about || !passesThinning(random, scene.shapes[target])) return undefined;
  const templates = family === "colour" ? COLOUR_TEMPLATES : SHAPE_TEMPLATES;
  const nouns = family === "shape" ? SHAPELESS_NOUNS : undefined;
  return {
    family,
    style,
    text: fill(pick(random, templates), { the: the(random, about, nouns) }),
    answer: scene.shapes[target][family],
    chance: 1 / (family === "colour" ? COLOURS : SHAPES).length,
    about,
    subjects: [target],
  };
}
