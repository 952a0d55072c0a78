import * as tf from "@tensorflow/tfjs";

/** A text token of the prompt or of the answer. */
export interface TextSlot {
  readonly kind: "text";
  readonly id: number;
  /** Position id for RoPE. */
  readonly position: number;
}

/** A visual token. */
export interface VisualSlot {
  readonly kind: "visual";
  /** Which of the sample's selected visual tokens it is: a row of what stage 1 kept. */
  readonly row: number;
  readonly position: number;
}

/** One place in the sequence of a sample; null is padding at the end of a shorter prompt. */
export type Slot = TextSlot | VisualSlot | null;

/**
 * What stands where, for each sample of a batch: [B][S], all samples equally long. Masks, rotary angles
 * and the dropping of tokens follow from it alone.
 */
export type Sequence = readonly (readonly Slot[])[];

/** Samples of different lengths, padded at the end to the longest. */
export function padded(samples: readonly (readonly Slot[])[]): Sequence {
  const length = Math.max(...samples.map((slots) => slots.length));
  return samples.map((slots) => [...slots, ...new Array<null>(length - slots.length).fill(null)]);
}

/** Places of the tokens of one kind in a sample. */
export function placesOf(slots: readonly Slot[], kind: "text" | "visual"): number[] {
  return slots.flatMap((slot, place) => (slot?.kind === kind ? [place] : []));
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
  /** For each sample the places of the old sequence, to gather rows with; padding repeats place 0. */
  readonly places: readonly (readonly number[])[];
}

/**
 * Keeps all text and some of the visual tokens, in order, and closes the gaps.
 *
 * @param keep for each sample, which of its visual tokens stay: ascending ranks among the visual tokens
 * of `sequence`, not places
 */
export function keepVisual(sequence: Sequence, keep: readonly (readonly number[])[]): Kept {
  const places = sequence.map((slots, sample) => {
    const visual = placesOf(slots, "visual");
    const stays = new Set(keep[sample].map((rank) => visual[rank]));
    return slots.flatMap((slot, place) => (slot?.kind === "text" || stays.has(place) ? [place] : []));
  });
  const length = Math.max(...places.map((list) => list.length));
  return {
    sequence: padded(sequence.map((slots, sample) => places[sample].map((place) => slots[place]))),
    places: places.map((list) => [...list, ...new Array<number>(length - list.length).fill(0)]),
  };
}

/** Puts `slots[b]` at the end of sample b (behind its padding, which masks hide). */
export function append(sequence: Sequence, slots: Sequence): Sequence {
  return sequence.map((old, sample) => [...old, ...slots[sample]]);
}
