import { type Box, FRACTIONS, parseBox } from "../../core/boxes.ts";
import { centre, intersectionOverUnion } from "../../world/geometry.ts";
import type { Question } from "../../world/question.ts";

/** How good an answer is. */
export interface Mark {
  /** VQA: the answer is the expected one. Grounding: IoU ≥ 0.5. */
  readonly correct: boolean;
  /** Intersection over union with the exact box, 0 when no box was said; null for VQA. */
  readonly iou: number | null;
  /** Whether the middle of the answered box is inside the exact one; null for VQA. */
  readonly centre: boolean | null;
}

/** What lmms-eval uses for RefCOCO when it finds no box in an answer. */
const NO_BOX: Box = [0, 0, 0, 0];

/**
 * Marks an answer as lmms-eval does: words by exact match, case and surrounding spaces ignored; boxes by
 * the first bracketed list of four decimals. Pictures of the world are square, so that boxes need no
 * correction for padding.
 *
 * @param unit the picture's size in the unit in which the model writes boxes, see `Preprocessing.boxUnitOf`
 */
export function mark({ answer, box }: Pick<Question, "answer" | "box">, said: string, unit = FRACTIONS): Mark {
  if (!box) return { correct: said.trim().toLowerCase() === answer.toLowerCase(), iou: null, centre: null };
  const found = parseBox(said, [unit]) ?? NO_BOX;
  const iou = intersectionOverUnion(found, box);
  const [x, y] = centre(found);
  return { correct: iou >= 0.5, iou, centre: x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3] };
}
