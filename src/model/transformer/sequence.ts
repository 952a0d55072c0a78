import * as tf from "@tensorflow/tfjs";
import type { Sequence, Slot, VisualSlot } from "../../core/slots.ts";

/** Samples of different lengths, padded at the end to the longest. */
export function padded(samples: readonly (readonly Slot[])[]): Sequence {
  const length = Math.max(...samples.map((slots) => slots.length));
  return samples.map((slots) => [...slots, ...new Array<null>(length - slots.length).fill(null)]);
}

/** Places of the tokens of one kind in a sample. */
export function placesOf(slots: readonly Slot[], kind: "text" | "visual"): number[] {
  return slots.flatMap((slot, place) => (slot?.kind === kind ? [place] : []));
}

/** The visual tokens of each sample, in order. */
export function visualSlots(sequence: Sequence): VisualSlot[][] {
  return sequence.map((slots) => slots.filter((slot): slot is VisualSlot => slot?.kind === "visual"));
}

/** The place of the last token that is not padding. */
export function lastPlace(slots: readonly Slot[]): number {
  return slots.findLastIndex((slot) => slot !== null);
}

/** Position ids, [B][S]; padding gets 0, which no mask lets anyone see. */
export function positionIds(sequence: Sequence): number[][] {
  return sequence.map((slots) => slots.map((slot) => slot?.position ?? 0));
}

/** Exp of this is exactly 0 in float32, yet a row of nothing else still has a finite softmax. */
const MASKED = -1e9;

/**
 * The causal mask for the last `queries` tokens of a sequence: each sees what is not padding and does
 * not come after it. Order in the sequence decides, not the position id.
 *
 * @returns [B, 1, Q, S], to be added to attention scores; undefined when nothing is hidden
 */
export function causalMask(sequence: Sequence, queries: number): tf.Tensor4D | undefined {
  const [batch, keys] = [sequence.length, sequence[0].length];
  if (queries === 1 && sequence.every((slots) => slots.every((slot) => slot !== null))) return undefined;
  const values = new Float32Array(batch * queries * keys);
  let at = 0;
  for (const slots of sequence) {
    for (let query = keys - queries; query < keys; query++) {
      for (let key = 0; key < keys; key++) values[at++] = key <= query && slots[key] !== null ? 0 : MASKED;
    }
  }
  return tf.tensor4d(values, [batch, 1, queries, keys]);
}

/** What is left of a sequence when only some places are kept. */
export interface Kept {
  readonly sequence: Sequence;
  /**
   * For each sample the places of the old sequence, to gather rows with; new tokens come after it; padding repeats
   * place 0.
   */
  readonly places: readonly (readonly number[])[];
}

/**
 * Keeps all text and some of the visual tokens, in order, and closes the gaps. New visual tokens may take
 * their place behind the kept ones; until ids are given anew they share the id of the one before them.
 *
 * @param keep for each sample, which of its visual tokens stay: ascending ranks among the visual tokens
 * of `sequence`, not places
 * @param added for each sample how many new visual tokens there are; their places are S, S+1, …
 * @param nextRow for each sample the first row number that is free
 */
export function keepVisual(
  sequence: Sequence,
  keep: readonly (readonly number[])[],
  added: readonly number[] = sequence.map(() => 0),
  nextRow: readonly number[] = added,
): Kept {
  const samples = sequence.map((slots, sample) => {
    const visual = placesOf(slots, "visual");
    const stays = new Set(keep[sample].map((rank) => visual[rank]));
    const places = slots.flatMap((slot, place) => (slot?.kind === "text" || stays.has(place) ? [place] : []));
    const left = places.map((place) => slots[place]);
    // Without a visual token left, the new ones stand where the first one stood.
    const behind = 1 + places.findLastIndex((place) => place <= (keep[sample].length ? Math.max(...stays) : visual[0]));
    const position = slots[behind > 0 ? places[behind - 1] : visual[0]]?.position ?? 0;
    const fresh = Array.from({ length: added[sample] }, (_, i) => i);
    left.splice(
      behind,
      0,
      ...fresh.map((i): Slot => ({ kind: "visual", row: nextRow[sample] + i, cell: -1, position })),
    );
    places.splice(behind, 0, ...fresh.map((i) => slots.length + i));
    return { places, slots: left };
  });
  const length = Math.max(...samples.map(({ places }) => places.length));
  return {
    sequence: padded(samples.map(({ slots }) => slots)),
    places: samples.map(({ places }) => [...places, ...new Array<number>(length - places.length).fill(0)]),
  };
}

/** Puts `slots[b]` at the end of sample b (behind its padding, which masks hide). */
export function append(sequence: Sequence, slots: Sequence): Sequence {
  return sequence.map((old, sample) => [...old, ...slots[sample]]);
}
