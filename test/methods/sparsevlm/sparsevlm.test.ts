import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../../src/backend/select.ts";
import { record, replace } from "../../../src/core/taps.ts";
import { type SparsevlmOptions, sparsevlm } from "../../../src/methods/sparsevlm/sparsevlm.ts";
import { cutOf, sequenceOf } from "../support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("SparseVLM", () => {
  // One token of text, four visual ones, two of text. The image speaks to the first of these two.
  const sequence = sequenceOf(1, 4, 2);
  const tokens = [[0], [1], [1], [1], [1], [1], [-1]];
  const attention = tokens.map(() => tokens.map(() => 0));
  attention[5] = [0, 0.1, 0.4, 0.2, 0.3, 0, 0];
  attention[6] = [0, 0.9, 0, 0, 0, 0, 0];
  const cut = (options: Partial<SparsevlmOptions> & { keep?: number }, seen = {}) =>
    cutOf(sparsevlm({ stages: [{ layer: 1, keep: options.keep ?? 2 }], ...options }), 1, {
      sequence,
      tokens,
      attention,
      ...seen,
    });

  it("keeps what the raters attend to, and recycles the better part of the rest into new tokens behind it", () => {
    const { keep, added, counts } = cut({});
    // The second text token is no rater: its 0.9 counts for nothing.
    expect(keep).toEqual([1, 3]);
    expect(counts).toEqual([1]);
    // Two are dropped; ⌊0.6⌋ + 1 of them, the better one, is recycled, divided by 1 + 1e-6.
    expect(added).toHaveLength(1);
    expect(added[0].map((weight) => Math.round(weight * 1e5) / 1e5)).toEqual([0, 0, 0, 1, 0, 0, 0]);
  });

  it("chooses raters by what entered the decoder, not by the states at the cut", () => {
    const entered = [[0], [1], [1], [1], [1], [-1], [1]];
    expect(cut({ keep: 1 }, { entered }).keep).toEqual([0]);
    expect(cut({ keep: 1 }, { tokens: entered, entered: tokens }).keep).toEqual([1]);
  });

  it("says what it scored: visual tokens alone, and keeps what a tap puts in its place", () => {
    const seen = record(["stage2.scores"]);
    cut({}, { tap: seen.tap });
    const scores = seen.get("stage2.scores").arraySync() as number[][];
    seen.dispose();
    expect(scores.map((row) => row.map((score) => Number(score.toFixed(6))))).toEqual([[0, 0.1, 0.4, 0.2, 0.3, 0, 0]]);
    const tap = replace({ "stage2.scores": () => tf.tensor2d([[0, 4, 1, 3, 2, 0, 0]]) });
    expect(cut({}, { tap }).keep).toEqual([0, 2]);
  });

  it("asks all raters alike, not the last one alone", () => {
    const entered = tokens.map(() => [1]);
    const both = attention.map((row, query) => (query === 6 ? [0, 0.3, 0, 0.25, 0, 0, 0] : row));
    // Means 0.2, 0.2, 0.225 and 0.15; the last rater prefers the first.
    expect(cut({ keep: 1 }, { entered, attention: both }).keep).toEqual([2]);
  });

  it("lets every text token rate when the image speaks to all alike", () => {
    const entered = tokens.map(() => [1]);
    expect(cut({ keep: 1 }, { entered }).keep).toEqual([0]);
  });

  it("drops and makes nothing where the budget covers everything", () => {
    expect(cut({ keep: 4 })).toEqual({ keep: [0, 1, 2, 3], added: [], counts: [] });
  });

  it("in its first version keeps 13.5 tokens for each rank of the raters' attention", () => {
    const many = sequenceOf(1, 40, 2);
    const states = Array.from({ length: 43 }, (_, i) => (i === 42 ? [-1] : [1]));
    const rows = states.map(() => states.map((_, i) => 1 / (i + 1)));
    // One rater: rank 1. With equal text both rate, with the same row: still rank 1; then with another: rank 2.
    const count = (entered: number[][], attention: number[][]) =>
      cut({ version: "rank", keep: 1 }, { sequence: many, tokens: states, entered, attention }).keep.length;
    const alike = states.map(() => [1]);
    expect(count(states, rows)).toBe(13);
    expect(count(alike, rows)).toBe(13);
    expect(
      count(
        alike,
        rows.map((row, query) => (query === 42 ? row.map((value) => value ** 2) : row)),
      ),
    ).toBe(27);
  });

  it("needs text after the image", () => {
    expect(() => cut({}, { sequence: sequenceOf(3, 4, 0), tokens, attention })).toThrow(
      /SparseVLM: no text follows the image/,
    );
  });

  it("gives consecutive ids, anew after each cut", () => {
    expect(sparsevlm({ stages: [] })).toMatchObject({ positions: "compressed", idsAfterCut: "anew" });
  });

  it("clusters the states at the cut, not what entered the decoder", () => {
    const many = sequenceOf(1, 40, 2);
    const places = Array.from({ length: 43 }, (_, place) => place);
    // Earlier patches get more attention: the first two stay, and 12 of the other 38, at 3 to 14, become two means.
    const rows = places.map(() => places.map((place) => 1 / (place + 1)));
    const atCut = places.map((place) => [place % 2 === 0 ? 1 : 9]);
    const entered = places.map((place) => [place < 9 ? 1 : 9]);
    const { added, counts } = cut({}, { sequence: many, tokens: atCut, entered, attention: rows });
    expect(counts).toEqual([2]);
    const members = added.map((row) => places.filter((place) => row[place] > 0));
    expect(members).toEqual([
      [3, 5, 7, 9, 11, 13],
      [4, 6, 8, 10, 12, 14],
    ]);
  });
});
