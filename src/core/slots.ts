/**
 * The position ids of one token, [R]: one for each axis along which rotary embeddings count. Llama has a single axis;
 * others count time, rows and columns apart.
 */
export type Position = readonly number[];

/** The position of a text token: the same id on every axis. */
export function textPosition(id: number, axes: number): Position {
  return new Array<number>(axes).fill(id);
}

/** A text token of the prompt or of the answer. */
export interface TextSlot {
  readonly kind: "text";
  readonly id: number;
  readonly position: Position;
}

/** A visual token. */
export interface VisualSlot {
  readonly kind: "visual";
  /** Which of the sample's images it belongs to, from 0. */
  readonly image: number;
  /**
   * Which of the sample's visual tokens it is: those that entered the decoder are counted first, then those made inside
   * it.
   */
  readonly row: number;
  /**
   * Which cell of the image it stands for; −1 for a token without one. The cells of an image's first grid are counted
   * in raster order, then those of the next.
   */
  readonly cell: number;
  readonly position: Position;
  /**
   * The cells of the image that it is made of most, best first; undefined where its position policy does not ask for
   * them, or it is its cell alone.
   */
  readonly sources?: readonly number[];
  /**
   * Several ids in the place of `position`, over which its rotary frequencies are divided in as many parts; undefined:
   * `position` alone.
   */
  readonly parts?: readonly Position[];
}

/** A separator between rows of visual tokens, such as the newline of LLaVA-NeXT. It is never pruned. */
export interface SeparatorSlot {
  readonly kind: "separator";
  /** Which of the sample's images it belongs to, from 0. */
  readonly image: number;
  /** Which of the image's separators it is, from 0. */
  readonly line: number;
  readonly position: Position;
}

/** One slot in the sequence of a sample; null is padding at the end of a shorter prompt. */
export type Slot = TextSlot | VisualSlot | SeparatorSlot | null;

/**
 * What stands where, for each sample of a batch: [B][S], all samples equally long. Masks, rotary angles
 * and the dropping of tokens follow from it alone.
 */
export type Sequence = readonly (readonly Slot[])[];

/** What a token is to an analysis: text before the image, a visual token, text after it, and the last of these. */
export type SlotRole = "system" | "visual" | "separator" | "text" | "last" | "padding";

/**
 * The role of each slot of a sample. A sample without visual tokens has text only; its last token is `last`.
 *
 * @param slots one sample of a {@link Sequence}
 */
export function rolesOf(slots: readonly Slot[]): SlotRole[] {
  const firstVisual = slots.findIndex((slot) => slot?.kind === "visual");
  const last = slots.findLastIndex((slot) => slot !== null);
  return slots.map((slot, index) => {
    if (slot === null) return "padding";
    if (slot.kind !== "text") return slot.kind;
    if (index === last) return "last";
    return index < firstVisual ? "system" : "text";
  });
}

/** How many visual tokens each sample has. */
export function visualCounts(sequence: Sequence): number[] {
  return sequence.map((slots) => slots.filter((slot) => slot?.kind === "visual").length);
}
