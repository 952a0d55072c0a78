import fc from "fast-check";

/** The kinds of scores that a selection must survive; each is drawn equally often. */
export const SCORE_KINDS = [
  "ties",
  "constant",
  "distinct",
  "negative",
  "zeros",
  "huge",
  "denormal",
  "attention",
  "mixed",
] as const;

/** One of {@link SCORE_KINDS}. */
export type ScoreKind = (typeof SCORE_KINDS)[number];

/** The largest and the smallest positive float32. */
export const LARGEST = 3.4028234663852886e38;
export const SMALLEST = 2 ** -149;

const ties = fc.integer({ min: 0, max: 3 });
const negative = fc.integer({ min: 1, max: 1000 }).map((n) => -n / 8);
const zeros = fc.constantFrom(0, -0);
const huge = fc.constantFrom(1, -1, 0.5, -0.25).map((share) => share * LARGEST);
const denormal = fc.integer({ min: -1000, max: 1000 }).map((n) => n * SMALLEST);
const any = fc.float({ noNaN: true, noDefaultInfinity: true });

/** `total` finite float32 scores of a kind. */
export function scoresOf(kind: ScoreKind, total: number): fc.Arbitrary<number[]> {
  const list = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: total, maxLength: total });
  switch (kind) {
    case "ties":
      return list(ties);
    case "constant":
      return any.map((value) => new Array<number>(total).fill(value));
    case "distinct":
      return list(fc.nat(1e6)).map(ranks);
    case "negative":
      return list(negative);
    case "zeros":
      return list(zeros);
    case "huge":
      return list(huge);
    case "denormal":
      return list(denormal);
    case "attention":
      return list(fc.integer({ min: 0, max: 80 })).map(softmax);
    case "mixed":
      return list(fc.oneof(ties, negative, zeros, huge, denormal, any));
  }
}

/** Scores of any kind, with the kind's name. */
export function scores(total: number): fc.Arbitrary<{ kind: ScoreKind; scores: number[] }> {
  return fc
    .constantFrom(...SCORE_KINDS)
    .chain((kind) => scoresOf(kind, total).map((values) => ({ kind, scores: values })));
}

/** What no score may be. */
export const notFinite = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);

/** A higher score, unless it is the highest float32 already. */
export function raisedScore(score: number): number {
  return Math.max(score, Math.min(LARGEST, score + Math.abs(score) + 1));
}

/** Different numbers 0..N−1 in the order of the values; equal values in the order of their places. */
export function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b] || a - b);
  const result = new Array<number>(values.length);
  order.forEach((place, rank) => {
    result[place] = rank;
  });
  return result;
}

/** As class attention is: positive, sums to 1, float32; most of it on few patches. */
function softmax(logits: readonly number[]): number[] {
  const powers = logits.map((logit) => Math.exp(logit / 8));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => Math.fround(power / sum));
}
