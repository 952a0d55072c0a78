import { type Slot, textPosition } from "../../core/slots.ts";
import type { ImageShape } from "../../model/image-shape.ts";
import type { Family, Question } from "../../world/question.ts";
import type { Dialect } from "./dialect.ts";

/**
 * Packing: many questions after one picture in one sequence, so that the picture's tokens are computed
 * once. A block mask lets each question see the prefix, the picture and itself; its position ids begin
 * after the picture, as if it were the only one. So each question is computed exactly as at inference.
 */

/** One answer token to be predicted. */
export interface AnswerTarget {
  /** Index in the sequence of the token before it, whose hidden state predicts it. */
  readonly predictorIndex: number;
  readonly id: number;
  readonly family: Family;
  /** Tokens of this answer, its end included: long answers do not count more by their length alone. */
  readonly answerLength: number;
  /** Sequence indices of the visual tokens that show what is asked about; empty where that is not in the picture. */
  readonly subject: readonly number[];
}

/** The sequence of one picture. */
export interface PackedPicture {
  readonly slots: readonly Slot[];
  /** Block of each sequence index: 0 is prefix and picture, 1, 2, … the questions. */
  readonly blocks: readonly number[];
  readonly targets: readonly AnswerTarget[];
}

/**
 * Packs the questions of one picture.
 *
 * @param objects for each visual token 0 for the background or i + 1 for the i-th shape (see `patchLabels`)
 * @param shape of the picture: where its visual tokens stand, and where the text behind it goes on
 */
export function packQuestions(
  questions: readonly Question[],
  dialect: Dialect,
  objects: ArrayLike<number>,
  { offsets, length }: Pick<ImageShape, "offsets" | "length">,
): PackedPicture {
  const axes = offsets[0].length;
  const first = dialect.beforePicture.length;
  const text = (id: number, position: number): Slot => ({ kind: "text", id, position: textPosition(position, axes) });
  const slots: Slot[] = [
    ...dialect.beforePicture.map(text),
    ...offsets.map(
      (offset, row): Slot => ({
        kind: "visual",
        image: 0,
        row,
        cell: row,
        position: offset.map((steps) => first + steps),
      }),
    ),
    ...dialect.behindPicture.map((id, i) => text(id, first + length + i)),
  ];
  const start = first + length + dialect.behindPicture.length;
  const blocks = slots.map(() => 0);
  const targets: AnswerTarget[] = [];
  questions.forEach((question, index) => {
    const { family, subjects } = question;
    const subject = Array.from(objects).flatMap((object, row) => (subjects.includes(object - 1) ? [first + row] : []));
    const asked = [...dialect.of(question.text), ...dialect.beforeAnswer];
    const answered = [...dialect.of(dialect.answerTo(question)), dialect.end];
    const predictor = slots.length + asked.length - 1;
    // The end of the answer is predicted but never fed.
    [...asked, ...answered.slice(0, -1)].forEach((id, i) => {
      slots.push(text(id, start + i));
      blocks.push(index + 1);
    });
    answered.forEach((id, i) => {
      targets.push({ predictorIndex: predictor + i, id, family, answerLength: answered.length, subject });
    });
  });
  return { slots, blocks, targets };
}

/** Exp of this is exactly 0 in float32. */
const MASKED = -1e9;

/**
 * The block mask: each index attends to what comes before it in its own block and in block 0, and to itself.
 * Padding attends only to itself, and no other index attends to it.
 *
 * @param length of the padded sequence
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
