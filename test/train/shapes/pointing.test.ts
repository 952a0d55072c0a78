import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { rasterShape } from "../../../src/model/image-shape.ts";
import { pointingLoss } from "../../../src/train/shapes/answering.ts";
import { llavaDialect } from "../../../src/train/shapes/llava-tokens.ts";
import { type PackedPicture, packQuestions } from "../../../src/train/shapes/question-packing.ts";
import type { Question } from "../../../src/world/question.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

const words = llavaDialect();
const BEFORE = words.beforePicture.length;
/** Six visual tokens: the background, a first shape on two of them, a second one on one, the background. */
const OBJECTS = [0, 1, 1, 0, 2, 0];
const [FIRST, SECOND] = [[1, 2].map((row) => BEFORE + row), [4].map((row) => BEFORE + row)];

const question = (family: Question["family"], text: string, answer: string, subjects: number[]) =>
  ({ family, text, answer, subjects }) as unknown as Question;

const COLOUR = question("colour", "what colour is the ring ?", "blue", [0]);
const BOX = question("grounding", "where is the star ?", "[0.10, 0.20, 0.30, 0.40]", [1]);
const ABSENT = question("existence", "is there a cross ?", "no", []);
const RELATION = question("relation", "is the ring above the star ?", "yes", [0, 1]);
const LONG = question("shape", "what is it ?", "big ring", [0]);

const pack = (...questions: Question[]) =>
  packQuestions(questions, words, OBJECTS, rasterShape({ rows: 2, columns: 3 }, 0));
const wordAt = ({ slots }: PackedPicture, index: number) => {
  const slot = slots[index];
  return slot?.kind === "text" ? words.words[slot.id] : undefined;
};

/**
 * The loss where the first head looks at `lit` from `query` of the `image`-th picture, and with all it has from
 * elsewhere.
 */
function lossLooking(pictures: readonly PackedPicture[], image: number, query: number, lit: readonly number[]): number {
  const length = Math.max(...pictures.map(({ slots }) => slots.length));
  const values = tf.buffer([pictures.length, 2, length, length]);
  for (let picture = 0; picture < pictures.length; picture++)
    for (let from = 0; from < length; from++)
      for (let to = 0; to < length; to++) {
        const here = picture === image && from === query;
        values.set(here ? (lit.includes(to) ? 1 : 0) : 1 / length, picture, 0, from, to);
      }
  return tf.tidy(() => pointingLoss(values.toTensor() as tf.Tensor4D, pictures, words).dataSync()[0]);
}

/** The tokens of a picture whose attention the loss depends on, with the visual tokens that lower it there. */
function lookedFrom(pictures: readonly PackedPicture[], image = 0): { index: number; at: number[] }[] {
  const { slots } = pictures[image];
  return slots.flatMap((_, index) => {
    const nowhere = lossLooking(pictures, image, index, []);
    const at = slots.flatMap((_, to) => (lossLooking(pictures, image, index, [to]) < nowhere - 0.1 ? [to] : []));
    return at.length ? [{ index, at }] : [];
  });
}

describe("pointing in packed questions", () => {
  it("looks from the word before a one-word answer at the patches of its subject, and from nowhere else", () => {
    const packed = pack(COLOUR);
    // The prefix, six patches, six words, "ASSISTANT:", which says the colour, and the colour, which says the end.
    const index = BEFORE + OBJECTS.length + 6;
    expect(wordAt(packed, index)).toBe("ASSISTANT:");
    expect(lookedFrom([packed])).toEqual([{ index, at: FIRST }]);
  });

  it("looks for a box from what stands before each of its four coordinates, not for brackets and commas", () => {
    const packed = pack(BOX);
    const looks = lookedFrom([packed]);
    expect(looks.map(({ index }) => wordAt(packed, index))).toEqual(["[", ",", ",", ","]);
    expect(looks.map(({ index }) => wordAt(packed, index + 1))).toEqual(["0.10", "0.20", "0.30", "0.40"]);
    for (const { at } of looks) expect(at).toEqual(SECOND);
  });

  it("looks from the first word of a longer answer only, and at all subjects of a relation", () => {
    const long = pack(LONG);
    expect(lookedFrom([long]).map(({ index }) => wordAt(long, index))).toEqual(["ASSISTANT:"]);
    expect(lookedFrom([pack(RELATION)])).toEqual([{ index: expect.any(Number), at: [...FIRST, ...SECOND] }]);
  });

  it("looks from every answer of a picture, also behind another question, and from none about the absent", () => {
    const packed = pack(COLOUR, ABSENT, LONG, COLOUR);
    const looks = lookedFrom([packed]);
    expect(looks.map(({ at }) => at)).toEqual([FIRST, FIRST, FIRST]);
    expect(looks.map(({ index }) => packed.blocks[index])).toEqual([1, 3, 4]);
    expect(looks.map(({ index }) => wordAt(packed, index))).toEqual(["ASSISTANT:", "ASSISTANT:", "ASSISTANT:"]);
  });

  it("finds the tokens of each picture of a batch, whatever the lengths", () => {
    const [short, long] = [pack(COLOUR), pack(ABSENT, BOX)];
    for (const batch of [
      [short, long],
      [long, short],
    ])
      for (const [image, packed] of batch.entries()) expect(lookedFrom(batch, image)).toEqual(lookedFrom([packed]));
  });
});
