import type { Slot } from "../model/sequence.ts";
import type { Family, Question } from "../world/question.ts";
import { PREFIX, specialId, type WordIds } from "./tokens.ts";

/**
 * Packing: many questions behind one picture in one sequence, so that the picture's tokens are computed
 * once. A block mask lets each question see the prefix, the picture and itself; its position ids begin
 * after the picture, as if it stood there alone. So each question is computed exactly as at inference.
 */

/** One answer token to be predicted. */
export interface AnswerTarget {
  /** Place in the sequence of the token before it, whose hidden state predicts it. */
  readonly place: number;
  readonly id: number;
  readonly family: Family;
  /** Tokens of this answer, its end included: the loss is a mean over answers, not tokens. */
  readonly answerLength: number;
}

/** The sequence of one picture. */
export interface PackedPicture {
  readonly slots: readonly Slot[];
  /** Block of each place: 0 is prefix and picture, 1, 2, … the questions. */
  readonly blocks: readonly number[];
  readonly targets: readonly AnswerTarget[];
}

/** Packs the questions of one picture of `patches` visual tokens. */
export function packQuestions(questions: readonly Question[], words: WordIds, patches: number): PackedPicture {
  const slots: Slot[] = [
    ...PREFIX.map((id, position): Slot => ({ kind: "text", id, position })),
    ...Array.from({ length: patches }, (_, row): Slot => ({ kind: "visual", row, position: PREFIX.length + row })),
  ];
  const start = slots.length;
  const blocks = slots.map(() => 0);
  const targets: AnswerTarget[] = [];
  questions.forEach(({ text, answer, family }, index) => {
    const asked = [...words.of(text), specialId("ASSISTANT:")];
    const answered = [...words.of(answer), specialId("</s>")];
    const first = slots.length + asked.length - 1;
    // The end of the answer is predicted but never fed.
    [...asked, ...answered.slice(0, -1)].forEach((id, i) => {
      slots.push({ kind: "text", id, position: start + i });
      blocks.push(index + 1);
    });
    answered.forEach((id, i) => {
      targets.push({ place: first + i, id, family, answerLength: answered.length });
    });
  });
  return { slots, blocks, targets };
}

/** Exp of this is exactly 0 in float32. */
const MASKED = -1e9;

/**
 * The block mask: each place sees what comes before it in its own block and in block 0, and itself.
 * Padding sees only itself, and nobody sees it.
 *
 * @param length places with padding
 * @returns [B·length·length], 0 where allowed, very negative elsewhere
 */
export function blockMask(pictures: readonly PackedPicture[], length: number): Float32Array {
  const mask = new Float32Array(pictures.length * length * length).fill(MASKED);
  pictures.forEach(({ blocks }, picture) => {
    let blockStart = 0;
    const shared = blocks.lastIndexOf(0) + 1;
    for (let query = 0; query < length; query++) {
      const row = (picture * length + query) * length;
      if (query >= blocks.length) {
        mask[row + query] = 0;
        continue;
      }
      if (query > 0 && blocks[query] !== blocks[query - 1]) blockStart = query;
      mask.fill(0, row, row + Math.min(shared, query + 1));
      mask.fill(0, row + blockStart, row + query + 1);
    }
  });
  return mask;
}
