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
  /**
   * Which of the sample's visual tokens it is: those that entered the decoder are counted first, then those made inside
   * it.
   */
  readonly row: number;
  /** Raster index of the grid cell that it stands for; −1 for a token without one. */
  readonly cell: number;
  readonly position: number;
}

/** One place in the sequence of a sample; null is padding at the end of a shorter prompt. */
export type Slot = TextSlot | VisualSlot | null;

/**
 * What stands where, for each sample of a batch: [B][S], all samples equally long. Masks, rotary angles
 * and the dropping of tokens follow from it alone.
 */
export type Sequence = readonly (readonly Slot[])[];

/** What a token is to an analysis: text before the image, a visual token, text after it, and the last of these. */
export type SlotRole = "system" | "visual" | "text" | "last" | "padding";

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
    if (slot.kind === "visual") return "visual";
    if (index === last) return "last";
    return index < firstVisual ? "system" : "text";
  });
}

/** How many visual tokens each sample has. */
export function visualCounts(sequence: Sequence): number[] {
  return sequence.map((slots) => slots.filter((slot) => slot?.kind === "visual").length);
}
