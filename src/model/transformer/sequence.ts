import * as tf from "@tensorflow/tfjs";
import { type Position, type Sequence, type Slot, textPosition, type VisualSlot } from "../../core/slots.ts";
import { WEIGHTS_AT_A_TIME } from "./at-a-time.ts";
import { type ByRows, byRows, filledUp, type QueryRows } from "./attention.ts";

/** Samples of different lengths, padded at the end to the longest. */
export function padded(samples: readonly (readonly Slot[])[]): Sequence {
  const length = Math.max(...samples.map((slots) => slots.length));
  return samples.map((slots) => [...slots, ...new Array<null>(length - slots.length).fill(null)]);
}

/** Where the tokens of one kind stand in a sample. */
export function indicesOf(slots: readonly Slot[], kind: "text" | "visual"): number[] {
  return slots.flatMap((slot, index) => (slot?.kind === kind ? [index] : []));
}

/** Where the text stands behind the visual tokens of a sample. */
export function textBehind(slots: readonly Slot[]): number[] {
  const lastVisual = slots.findLastIndex((slot) => slot?.kind === "visual");
  return indicesOf(slots, "text").filter((index) => index > lastVisual);
}

/** The visual tokens of each sample, in order. */
export function visualSlots(sequence: Sequence): VisualSlot[][] {
  return sequence.map((slots) => slots.filter((slot): slot is VisualSlot => slot?.kind === "visual"));
}

/** Where the last token stands that is not padding. */
export function lastIndex(slots: readonly Slot[]): number {
  return slots.findLastIndex((slot) => slot !== null);
}

/**
 * Position ids, [B][S][R]; padding gets 0 on every axis, which no mask lets anyone see.
 *
 * @param axes R
 */
export function positionIds(sequence: Sequence, axes: number): Position[][] {
  return sequence.map((slots) => slots.map((slot) => slot?.position ?? textPosition(0, axes)));
}

/**
 * The ids that tokens are turned by, [B][S][R] or, for a token with several ids, [B][S][K·R], one after the other; see
 * {@link positionIds}.
 */
export function turningIds(sequence: Sequence, axes: number): Position[][] {
  const ids = positionIds(sequence, axes);
  return sequence.map((slots, sample) =>
    slots.map((slot, at) => (slot?.kind === "visual" && slot.parts ? slot.parts.flat() : ids[sample][at])),
  );
}

/** Exp of this is exactly 0 in float32, yet a row of nothing else still has a finite softmax. */
export const MASKED = -1e9;

/**
 * The causal mask for the last `queries` tokens of a sequence: each sees what is not padding and does
 * not come after it. Order in the sequence decides, not the position id.
 *
 * @param window how many tokens each sees at most, itself included; padding does not count, nor what was dropped before
 * @returns [B, 1, Q, S] by rows, to be added to attention scores: held where it is small, as all layers use it, else
 * made anew for the rows that are asked for; undefined when nothing is hidden
 */
export function causalMask(sequence: Sequence, queries: number, window = Number.POSITIVE_INFINITY): ByRows | undefined {
  const [batch, keys] = [sequence.length, sequence[0].length];
  const whole = keys <= window && sequence.every((slots) => slots.every((slot) => slot !== null));
  if (queries === 1 && whole) return undefined;
  const every = Array.from({ length: queries }, (_, query) => query);
  const made = (rows: QueryRows = new Array<number[]>(batch).fill(every)) =>
    causalRows(sequence, keys - queries, filledUp(rows), window);
  return batch * queries * keys <= WEIGHTS_AT_A_TIME ? byRows(made()) : made;
}

/**
 * @param before how many tokens stand before the first query
 * @param rows lists of one length
 */
function causalRows(sequence: Sequence, before: number, rows: QueryRows, window: number): tf.Tensor4D {
  const [batch, count, keys] = [sequence.length, rows[0].length, sequence[0].length];
  const values = new Float32Array(batch * count * keys);
  let at = 0;
  for (const [sample, slots] of sequence.entries()) {
    for (const query of rows[sample].map((row) => before + row)) {
      const row = at;
      for (let key = 0; key < keys; key++) values[at++] = key <= query && slots[key] !== null ? 0 : MASKED;
      if (keys > window) values.fill(MASKED, row, row + windowStart(slots, query, window));
    }
  }
  return tf.tensor4d(values, [batch, 1, count, keys]);
}

/** The first slot that a token sees, counting `window` tokens back from itself. */
function windowStart(slots: readonly Slot[], query: number, window: number): number {
  let first = query;
  for (let left = window - 1; left > 0 && first > 0; ) if (slots[--first] !== null) left--;
  return first;
}

/** A visual token made inside the decoder. */
export interface MadeToken {
  /** Which of the sample's images it belongs to. */
  readonly image: number;
  /** Which of the sample's new rows it is. */
  readonly index: number;
}

/** What is left of a sequence when only some tokens are kept. */
export interface Kept {
  readonly sequence: Sequence;
  /**
   * For each sample the rows of the old sequence, to gather with; new ones come after them; padding repeats row 0.
   */
  readonly rows: readonly (readonly number[])[];
}

/**
 * Keeps all text and some of the visual tokens, in order, and closes the gaps. New visual tokens stand behind the
 * kept ones of their image; until ids are given anew they share the id of the one before them.
 *
 * @param keep for each sample, which of its visual tokens stay: ascending ranks among the visual tokens
 * of `sequence`
 * @param made for each sample its new visual tokens; row S + index of the table that is gathered from
 * @param nextRow for each sample the first row number of visual tokens that is free
 */
export function keepVisual(
  sequence: Sequence,
  keep: readonly (readonly number[])[],
  made: readonly (readonly MadeToken[])[] = sequence.map(() => []),
  nextRow: readonly number[] = sequence.map(() => 0),
): Kept {
  const samples = sequence.map((slots, sample) => {
    const visual = indicesOf(slots, "visual");
    const stays = new Set(keep[sample].map((rank) => visual[rank]));
    const entries = slots.flatMap((slot, row): Entry[] =>
      slot?.kind === "text" || slot?.kind === "separator" || stays.has(row) ? [{ slot, row }] : [],
    );
    return made[sample].reduce((all, token, i) => withMade(all, slots, token, nextRow[sample] + i), entries);
  });
  const length = Math.max(...samples.map((entries) => entries.length));
  return {
    sequence: padded(samples.map((entries) => entries.map(({ slot }) => slot))),
    rows: samples.map((entries) => [
      ...entries.map(({ row }) => row),
      ...new Array<number>(length - entries.length).fill(0),
    ]),
  };
}

/** A slot that stays or is new, and the row of its token in the table that is gathered from. */
interface Entry {
  readonly slot: Slot;
  readonly row: number;
}

/** Puts a new token behind those of its image, or, where none is left, where the image stood. */
function withMade(
  entries: readonly Entry[],
  slots: readonly Slot[],
  { image, index }: MadeToken,
  row: number,
): Entry[] {
  const ofImage = (slot: Slot) => slot?.kind === "visual" && slot.image === image;
  const first = slots.findIndex(ofImage);
  const before = entries.findLastIndex((entry) => ofImage(entry.slot));
  const at = before >= 0 ? before + 1 : entries.filter((entry) => entry.row < first).length;
  const position = (at > 0 ? entries[at - 1].slot : slots[first])?.position ?? [];
  const slot: Slot = { kind: "visual", image, row, cell: -1, position };
  return [...entries.slice(0, at), { slot, row: slots.length + index }, ...entries.slice(at)];
}

/** Puts `slots[b]` at the end of sample b (behind its padding, which masks hide). */
export function append(sequence: Sequence, slots: Sequence): Sequence {
  return sequence.map((old, sample) => [...old, ...slots[sample]]);
}
