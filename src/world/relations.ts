import type { Random } from "../core/random-numbers.ts";
import { questionable } from "./balance.ts";
import { DIRECTIONS, type Direction, stands } from "./description.ts";
import { happens, pick } from "./draws.ts";
import type { Question } from "./question.ts";
import { refer } from "./referring.ts";
import type { Scene } from "./scene.ts";
import { SIDE_TEMPLATES, STATEMENT_TEMPLATES } from "./templates.ts";
import { DIRECTION_PHRASES, fill, the } from "./wording.ts";

const OPPOSITE: Readonly<Record<Direction, Direction>> = {
  left: "right",
  right: "left",
  above: "below",
  below: "above",
};

/**
 * A question where one shape is, seen from another: a statement to confirm or deny ("Is the red circle to
 * the left of the star?"; a false one claims the opposite side), or a side to name ("Is the red circle
 * above or below the star?"). Shapes are distributed alike in every direction, so that no answer is more likely.
 */
export function proposeRelation(scene: Scene, random: Random): Question | undefined {
  const first = pick(random, questionable(scene)) as number;
  const second = pick(
    random,
    scene.shapes.flatMap((_, i) => (i === first ? [] : [i])),
  );
  // A picture that a reader made may have one shape alone.
  if (second === undefined) return undefined;
  const [target, anchor] = happens(random, 0.5) ? [first, second] : [second, first];
  const about = refer(random, scene, target, "attributes");
  const other = refer(random, scene, anchor, "attributes");
  const truth = pick(
    random,
    DIRECTIONS.filter((direction) => stands(scene.shapes[target], direction, scene.shapes[anchor]) === "true"),
  );
  if (!about || !other || !truth) return undefined;
  const slots = { the: the(random, about), other: the(random, other) };
  const common = { family: "relation", chance: 1 / 2, about, other, subjects: [target, anchor] } as const;
  if (happens(random, 0.5)) {
    const isTrue = happens(random, 0.5);
    const claim = isTrue ? truth : OPPOSITE[truth];
    const direction = pick(random, DIRECTION_PHRASES[claim]);
    const text = fill(pick(random, STATEMENT_TEMPLATES), { ...slots, direction });
    return { ...common, style: "statement", text, answer: isTrue ? "yes" : "no", claim };
  }
  const claim = truth === "left" || truth === "right" ? "horizontal" : "vertical";
  return { ...common, style: "side", text: fill(pick(random, SIDE_TEMPLATES[claim]), slots), answer: truth, claim };
}
