import type { Box } from "../core/boxes.ts";
import { intersectionOverUnion } from "../world/geometry.ts";

/** An answer with its boxes. */
interface Said {
  readonly text: string;
  readonly boxes: readonly Box[];
}

/** Whether pruning kept the answer. Boxes are compared by their overlap, and hold from a half, as ACC@0.5 counts. */
export function verdict(unpruned: Said, pruned: Said): string {
  if (unpruned.text === pruned.text) return "the answer held";
  const [[before], [after]] = [unpruned.boxes, pruned.boxes];
  if (!before) return "the answer changed";
  if (!after) return "the box was lost: the pruned answer is none";
  const overlap = intersectionOverUnion(before, after);
  return `the box ${overlap >= 0.5 ? "held" : "moved"}: intersection over union ${overlap.toFixed(2)}`;
}
