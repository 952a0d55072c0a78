import type { Random } from "../core/random-numbers.ts";
import { questionable } from "./balance.ts";
import { boxText } from "./coordinates.ts";
import { pick } from "./draws.ts";
import type { Question } from "./question.ts";
import { REFERRING_STYLES, refer } from "./referring.ts";
import type { Scene } from "./scene.ts";
import { GROUNDING_TEMPLATES } from "./templates.ts";
import { fill, the } from "./wording.ts";

/** A question for the box of the one shape that a referring expression means. */
export function proposeGrounding(scene: Scene, random: Random): Question | undefined {
  const target = pick(random, questionable(scene)) as number;
  const style = pick(random, REFERRING_STYLES);
  const about = refer(random, scene, target, style);
  if (!about) return undefined;
  const { box } = scene.shapes[target];
  return {
    family: "grounding",
    style,
    text: fill(pick(random, GROUNDING_TEMPLATES), { the: the(random, about) }),
    answer: boxText(box),
    chance: 0,
    about,
    subjects: [target],
    box,
  };
}
