import type { Box } from "../core/boxes.ts";
import { intersectionOverUnion } from "../world/geometry.ts";

/** An answer with its boxes. */
export interface Said {
  readonly text: string;
  readonly boxes: readonly Box[];
}

/** What pruning did to an answer. */
export interface Verdict {
  readonly holds: boolean;
  /** In words, such as "the box moved: intersection over union 0.31". */
  readonly words: string;
}

/** Whether pruning kept the answer. Boxes are compared by their overlap, and hold from a half, as ACC@0.5 counts. */
export function judged(unpruned: Said, pruned: Said): Verdict {
  if (unpruned.text === pruned.text) return { holds: true, words: "the answer held" };
  const [[before], [after]] = [unpruned.boxes, pruned.boxes];
  if (!before) return { holds: false, words: "the answer changed" };
  if (!after) return { holds: false, words: "the box was lost: the pruned answer is none" };
  const overlap = intersectionOverUnion(before, after);
  const holds = overlap >= 0.5;
  return { holds, words: `the box ${holds ? "held" : "moved"}: intersection over union ${overlap.toFixed(2)}` };
}

/** The words of {@link judged} alone. */
export function verdict(unpruned: Said, pruned: Said): string {
  return judged(unpruned, pruned).words;
}

/** A list of numbers that the text ends in the middle of. */
const UNFINISHED = /\[[\s\d.,]*$/;
/** A list of decimal fractions. */
const DECIMALS = /\[\s*(?:\d*\.\d+[\s,]*)+\]/;

/**
 * What is wrong with the form of an answer, whatever was asked.
 *
 * @returns undefined when nothing is
 */
export function malformation({ text, boxes }: Said): string | undefined {
  if (UNFINISHED.test(text)) return "an unfinished box";
  if (!/[\p{L}\p{N}]/u.test(text)) return "no word";
  if (boxes.length === 0) return DECIMALS.test(text) ? "a box without four edges" : undefined;
  return boxes.some(([x0, y0, x1, y1]) => x0 >= x1 || y0 >= y1) ? "a box without an area" : undefined;
}
