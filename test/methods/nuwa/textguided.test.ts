import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import type { Sequence, Slot } from "../../../src/core/slots.ts";
import { cosineToText, keepRandom, lastThreeScores, lastTokenAttention } from "../../../src/methods/nuwa/textguided.ts";
import { byRows } from "../../../src/model/transformer/attention.ts";
import { padded } from "../../../src/model/transformer/sequence.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

const text = (id: number): Slot => ({ kind: "text", id: 1, position: [id] });
const visual = (row: number): Slot => ({ kind: "visual", image: 0, row, cell: row, position: [row] });
const sample = (before: number, k: number, after: number): Slot[] => [
  ...Array.from({ length: before }, (_, i) => text(i)),
  ...Array.from({ length: k }, (_, i) => visual(i)),
  ...Array.from({ length: after }, (_, i) => text(before + k + i)),
];

/** Examples; what holds for every input is stated in test/properties/second-stage.test.ts. */
describe("stage 2", () => {
  it("looks from the last token that is not padding", () => {
    const sequence: Sequence = padded([sample(1, 2, 1), sample(1, 2, 3)]);
    const attention = tf.tensor4d(
      Float32Array.from({ length: 2 * 2 * 6 * 6 }, (_, i) => i),
      [2, 2, 6, 6],
    );
    const scores = lastTokenAttention(attention, sequence);
    const mean = (b: number, row: number, key: number) => (b * 72 + row * 6 + key + b * 72 + 36 + row * 6 + key) / 2;
    expect([...scores.dataSync()]).toEqual([
      ...Array.from({ length: 6 }, (_, key) => mean(0, 3, key)),
      ...Array.from({ length: 6 }, (_, key) => mean(1, 5, key)),
    ]);
    tf.dispose([attention, scores]);
  });

  it("on Qwen2.5-VL takes the mean of the last three tokens, then the greatest of the heads", () => {
    const sequence: Sequence = padded([sample(1, 1, 3)]);
    // Rows 2, 3 and 4 of each head; the others would change every number.
    const head = (...rows: number[][]) => [[9, 9, 9, 9, 9], [9, 9, 9, 9, 9], ...rows];
    const attention = tf.tensor4d([
      [
        head([0, 3, 0, 0, 0], [0, 0, 0, 3, 0], [0, 0, 3, 0, 6]),
        head([3, 0, 0, 0, 0], [0, 0, 6, 0, 0], [0, 9, 0, 0, 3]),
      ],
    ]);
    const scores = lastThreeScores(byRows(attention), sequence);
    expect([...scores.dataSync()]).toEqual([1, 3, 2, 1, 2]);
    tf.dispose([attention, scores]);
  });

  it("compares with the mean of the text after the image, not before it and not the padding", () => {
    const sequence: Sequence = padded([sample(1, 2, 2), sample(1, 2, 3)]);
    // Channel 0 marks the text after the image; padding and the text before point elsewhere.
    const direction = (slot: Slot, place: number) =>
      slot === null || place === 0 ? [0, 9] : slot.kind === "visual" ? (slot.row === 0 ? [2, 0] : [0, 5]) : [1, 0];
    const tokens = tf.tensor3d(sequence.map((slots) => slots.map(direction)));
    const scores = cosineToText(tokens, sequence);
    for (const row of scores.arraySync()) expect(row.slice(1, 3).map((v) => Number(v.toFixed(5)))).toEqual([1, 0]);
    tf.dispose([tokens, scores]);
  });

  it("refuses a prompt without text after the image when it compares with text", () => {
    expect(() => tf.tidy(() => cosineToText(tf.ones([1, 3, 2]) as tf.Tensor3D, padded([sample(1, 2, 0)])))).toThrow(
      /no text follows the image/,
    );
  });

  it("draws the same tokens for the same seed, alone or in a batch", () => {
    const alone = keepRandom(padded([sample(2, 9, 1)]), 4, 44);
    expect(keepRandom(padded([sample(1, 9, 4), sample(2, 9, 1)]), 4, 44)[1]).toEqual(alone[0]);
    expect(new Set(alone[0]).size).toBe(4);
    expect(keepRandom(padded([sample(2, 9, 1)]), 4, 45)).not.toEqual(alone);
  });
});
