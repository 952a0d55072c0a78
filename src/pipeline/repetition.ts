import type { Slot } from "../core/slots.ts";

/**
 * The token ids of a text so far; visual tokens have the id of their placeholder, as in transformers' `input_ids`.
 *
 * @param slots of the first decoder layer, which every token of the prompt has entered
 */
export function seenIds(slots: readonly Slot[], imageTokenId: number): Set<number> {
  return new Set(slots.flatMap((slot) => (slot === null ? [] : [slot.kind === "text" ? slot.id : imageTokenId])));
}

/**
 * Logits with those of tokens in the text made less likely (Keskar et al., arXiv 1909.05858, as transformers reads it):
 * positive ones are divided by the penalty, negative ones multiplied.
 *
 * @param logits of the vocabulary; left as they are
 * @param seen ids outside the vocabulary, such as original LLaVA's placeholder, are passed over
 * @param penalty above 0
 */
export function penalised(logits: Float32Array, seen: Iterable<number>, penalty: number): Float32Array {
  const lowered = logits.slice();
  for (const id of seen)
    if (id >= 0 && id < logits.length) lowered[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
  return lowered;
}
