import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, expect } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { raisedScore, scores } from "../../src/laws/generators/scores.ts";
import { cosineToText, keepBest, keepRandom, lastTokenAttention } from "../../src/methods/nuwa/textguided.ts";
import { indicesOf, keepVisual } from "../../src/model/transformer/sequence.ts";
import { sequences } from "./generators/sequences.ts";
import { law } from "./law.ts";

/** Family: the cut inside the decoder, and what it leaves alone. */

beforeAll(async () => {
  await useBackend("wasm");
});

/** A padded batch and a score of any kind for every place. */
const scored = sequences.chain((input) =>
  scores(input.sequence.length * input.sequence[0].length).map((drawn) => ({
    ...input,
    scores: Float32Array.from(drawn.scores),
  })),
);

law(
  "The cut keeps k₂ of the visual tokens, ascending: no other one scores higher, or as high and comes earlier.",
  scored,
  ({ sequence, keep, scores: values }) => {
    keepBest(values, sequence, keep).forEach((kept, sample) => {
      const places = indicesOf(sequence[sample], "visual");
      const own = places.map((place) => values[sample * sequence[0].length + place]);
      expect(kept).toHaveLength(keep);
      const order = [...own.keys()].sort((a, b) => own[b] - own[a] || a - b);
      expect(kept).toEqual(order.slice(0, keep).sort((a, b) => a - b));
    });
  },
);
law(
  "Raising the score of a surviving visual token never drops it.",
  fc.tuple(scored, fc.nat()),
  ([{ sequence, keep, scores: values }, pick]) => {
    const [kept] = keepBest(values, sequence, keep);
    const raised = kept[pick % kept.length];
    const place = indicesOf(sequence[0], "visual")[raised];
    const higher = values.map((score, i) => (i === place ? raisedScore(score) : score));
    expect(keepBest(higher, sequence, keep)[0]).toContain(raised);
  },
);
law(
  "Each sample of a batch is cut as it is alone, whatever the padding.",
  scored,
  ({ sequence, keep, scores: values }) => {
    const width = sequence[0].length;
    const together = keepBest(values, sequence, keep);
    sequence.forEach((slots, sample) => {
      const length = slots.filter((slot) => slot !== null).length;
      const own = values.slice(sample * width, sample * width + length);
      expect(keepBest(own, [slots.slice(0, length)], keep)).toEqual([together[sample]]);
    });
  },
);
law(
  "Dropping leaves all text where it was among the survivors, in order, with the ids and positions they had.",
  scored,
  ({ sequence, keep, scores: values }) => {
    const ranks = keepBest(values, sequence, keep);
    const { sequence: left, rows } = keepVisual(sequence, ranks);
    left.forEach((slots, sample) => {
      const visual = indicesOf(sequence[sample], "visual");
      const stays = ranks[sample].map((rank) => visual[rank]);
      const wanted = [...indicesOf(sequence[sample], "text"), ...stays].sort((a, b) => a - b);
      expect(slots.filter((slot) => slot !== null)).toEqual(wanted.map((index) => sequence[sample][index]));
      expect(rows[sample].slice(0, wanted.length)).toEqual(wanted);
      expect(rows[sample]).toHaveLength(slots.length);
    });
  },
);
law(
  "The random cut is a function of seed and budget: k₂ tokens, ascending, none twice, the same for every sample.",
  fc.tuple(sequences, fc.integer()),
  ([{ sequence, visual, keep }, seed]) => {
    const drawn = keepRandom(sequence, keep, seed);
    const [first] = drawn;
    expect(drawn).toEqual(sequence.map(() => first));
    expect(keepRandom(sequence, keep, seed)).toEqual(drawn);
    expect(first).toHaveLength(keep);
    expect(first.every((rank, i) => rank > (i === 0 ? -1 : first[i - 1]) && rank < visual)).toBe(true);
  },
);
law(
  "Attention scores are the mean over heads of the last token's row, wherever padding begins.",
  fc.tuple(sequences, fc.integer({ min: 1, max: 4 })),
  ([{ sequence }, heads]) => {
    const [batch, width] = [sequence.length, sequence[0].length];
    // A number that names its place: sample, head, query, key.
    const value = (b: number, h: number, q: number, k: number) => ((b * 4 + h * h) * 64 + q) * 64 + k;
    const values = new Float32Array(batch * heads * width * width);
    let at = 0;
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++)
        for (let q = 0; q < width; q++) for (let k = 0; k < width; k++) values[at++] = value(b, h, q, k);
    const found = tf.tidy(() =>
      lastTokenAttention(tf.tensor4d(values, [batch, heads, width, width]), sequence).arraySync(),
    );
    found.forEach((row, b) => {
      const last = sequence[b].findLastIndex((slot) => slot !== null);
      row.forEach((score, k) => {
        const mean = Array.from({ length: heads }, (_, h) => value(b, h, last, k)).reduce((x, y) => x + y) / heads;
        expect(Math.abs(score - mean)).toBeLessThanOrEqual(1e-6 * mean);
      });
    });
  },
);
law(
  "Cosine scores lie in [−1, 1] and depend neither on text before the image, nor on padding, nor on the length of vectors.",
  fc.tuple(sequences, fc.nat(1000), fc.constantFrom(0.25, 3, 1000)),
  ([{ sequence }, seed, scale]) => {
    const [batch, width] = [sequence.length, sequence[0].length];
    const number = (b: number, place: number, c: number) => Math.sin((seed + 1) * (b * 997 + place * 31 + c * 7 + 1));
    const rows = (change: (b: number, place: number) => number) =>
      tf.tensor3d(
        Array.from({ length: batch }, (_, b) =>
          Array.from({ length: width }, (__, place) => [0, 1, 2].map((c) => number(b, place, c) * change(b, place))),
        ),
      );
    const visual = sequence.map((slots) => indicesOf(slots, "visual"));
    const scoresUnder = (change: (b: number, place: number) => number) =>
      tf.tidy(() => cosineToText(rows(change), sequence).arraySync());
    const plain = scoresUnder(() => 1);
    const changed = scoresUnder((b, place) => {
      if (place < visual[b][0] || sequence[b][place] === null) return -5;
      return visual[b].includes(place) ? scale : 1;
    });
    visual.forEach((places, b) => {
      for (const place of places) {
        expect(Math.abs(plain[b][place])).toBeLessThanOrEqual(1 + 1e-5);
        expect(changed[b][place]).toBeCloseTo(plain[b][place], 4);
      }
    });
  },
);
