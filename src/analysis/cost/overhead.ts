/** What a method compares to choose its tokens; see {@link paperOverhead}. */
export interface Comparisons {
  /** Visual tokens that the last prompt token's attention is read for (N); 0 without such a score. */
  readonly scored: number;
  /** Hidden size of the decoder. */
  readonly hiddenSize: number;
  /** Tokens compared with each other in pairs before the decoder (k); 0 where none are. */
  readonly compared: number;
  /** Hidden size of the vision tower. */
  readonly visionHiddenSize: number;
}

/**
 * The paper's cost of choosing (Appendix C, the overhead column of Table 4): 2·N·H for a score of every
 * visual token by the last prompt token, and k²·D for likeness among k tokens of width D. It counts a
 * multiplication and an addition as two in the first term and as one in the second.
 *
 * @returns floating-point operations
 */
export function paperOverhead({ scored, hiddenSize, compared, visionHiddenSize }: Comparisons): number {
  return 2 * scored * hiddenSize + compared ** 2 * visionHiddenSize;
}
