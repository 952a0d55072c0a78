import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { dot } from "../../src/core/dot.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { cdpruner, determinantalPoints, qualityOf } from "../../src/methods/cdpruner.ts";
import { unitVectors } from "../../src/methods/patches.ts";
import { cutOf, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Random directions. */
function directions(total: number, width: number, seed: number): Float64Array[] {
  const random = randomFrom(seed);
  return unitVectors(
    Float32Array.from({ length: total * width }, () => normal(random)),
    total,
  );
}

/** By Gaussian elimination with pivots. */
function determinant(matrix: readonly (readonly number[])[]): number {
  const rows = matrix.map((row) => [...row]);
  let product = 1;
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, at) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + at : best), i);
    if (rows[pivot][i] === 0) return 0;
    if (pivot !== i) {
      [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
      product = -product;
    }
    product *= rows[i][i];
    for (const row of rows.slice(i + 1)) {
      const factor = row[i] / rows[i][i];
      for (let j = i; j < row.length; j++) row[j] -= factor * rows[i][j];
    }
  }
  return product;
}

const cases = fc.record({
  total: fc.integer({ min: 1, max: 12 }),
  width: fc.integer({ min: 1, max: 6 }),
  seed: fc.integer(),
  drawn: fc.nat(),
});

describe("CDPruner", () => {
  it("chooses each time the token that multiplies the determinant most", () => {
    fc.assert(
      fc.property(cases, ({ total, seed }) => {
        const units = directions(total, 14, seed);
        const random = randomFrom(seed + 1);
        const quality = units.map(() => 0.1 + random());
        const kernel = (set: readonly number[]) =>
          determinant(set.map((i) => set.map((j) => quality[i] * dot(units[i], units[j]) * quality[j])));
        const wanted: number[] = [];
        while (wanted.length < total) {
          const left = units.map((_, i) => i).filter((i) => !wanted.includes(i));
          const gains = left.map((i) => kernel([...wanted, i]));
          wanted.push(left[gains.indexOf(Math.max(...gains))]);
        }
        expect(determinantalPoints(units, quality, total)).toEqual(wanted);
      }),
      { seed: 16 },
    );
  });

  it("keeps k different tokens, also more than the features have dimensions, the rest by the lower index", () => {
    fc.assert(
      fc.property(cases, ({ total, width, seed, drawn }) => {
        const count = 1 + (drawn % total);
        const quality = directions(total, 1, seed).map((_, i) => (i + 1) / total);
        const kept = determinantalPoints(directions(total, width, seed), quality, count);
        expect(new Set(kept).size).toBe(count);
        const behind = kept.slice(width);
        expect(behind).toEqual([...behind].sort((a, b) => a - b));
      }),
      { seed: 16 },
    );
  });

  it("compares tokens alone where all are equally relevant", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: -1, max: 1, noNaN: true }), ({ total, seed, drawn }, relevance) => {
        const count = 1 + (drawn % total);
        const units = directions(total, 14, seed);
        const equal = qualityOf(new Float32Array(total).fill(relevance));
        expect(determinantalPoints(units, equal, count)).toEqual(
          determinantalPoints(
            units,
            units.map(() => 1),
            count,
          ),
        );
      }),
      { seed: 16 },
    );
  });

  it("keeps the least relevant token, if it is unlike the others, before any that add nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(), fc.integer(), (others, drawn, seed) => {
        // The others lie in a plane, this one stands on it.
        const place = drawn % (others + 1);
        const flat = directions(others, 2, seed).map((unit) => [...unit, 0]);
        flat.splice(place, 0, [0, 0, 1]);
        const relevance = Float32Array.from(flat, (_, i) => (i === place ? 0 : 1 + i));
        const units = flat.map((unit) => Float64Array.from(unit));
        expect(determinantalPoints(units, qualityOf(relevance), Math.min(3, others + 1))).toContain(place);
        // With θ it does not have to wait.
        expect(determinantalPoints(units, qualityOf(relevance, 0), 2)).toContain(place);
      }),
      { seed: 16 },
    );
  });

  it("brings relevance to [0, 1] with a millionth added, and to exp(θ/(2(1 − θ))·q) with θ", () => {
    const close = (values: number[], wanted: number[]) =>
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[i], 9);
      });
    close(qualityOf(Float32Array.of(-0.5, 0, 1.5)), [5e-7, 0.25 + 5e-7, 1 + 5e-7]);
    close(
      qualityOf(Float32Array.of(-0.5, 0, 1.5), 0.5),
      [5e-7, 0.25 + 5e-7, 1 + 5e-7].map((q) => Math.exp(q / 2)),
    );
    expect(() => cdpruner({ keep: 1, theta: 1 })).toThrow("CDPruner: theta 1 does not lie in [0, 1).");
  });

  const attention = [[1]];
  const kept = (sign: "negative" | "positive", tokens: number[][], after: number, keep = 1) =>
    cutOf(cdpruner({ keep, sign }), 0, {
      sequence: sequenceOf(1, tokens.length - 1 - after, after),
      tokens,
      attention,
    }).keep;

  it("takes the tokens that are unlike the text behind the image, or like it", () => {
    // Text before, three visual tokens, two of the text behind: a mean of cosines, not the cosine with a mean.
    const tokens = [
      [1, 0],
      [1, 0.1],
      [0.1, 1],
      [0.7, 0.7],
      [0, 100],
      [3, 4],
    ];
    expect(kept("negative", tokens, 2)).toEqual([0]);
    expect(kept("positive", tokens, 2)).toEqual([1]);
    const short = tokens.map((token, i) => (i === 4 ? [0, 0.01] : token));
    expect(kept("positive", short, 2)).toEqual([1]);
  });

  it("needs no text, and gives ranks in raster order", () => {
    const tokens = [
      [1, 0],
      [0, 1],
      [0, 2],
      [1, 0],
    ];
    expect(kept("negative", tokens, 0, 2)).toEqual([0, 2]);
    expect(kept("negative", tokens, 0, 9)).toEqual([0, 1, 2]);
  });

  it("keeps a token without direction last", () => {
    expect(
      determinantalPoints(
        [
          [0, 0],
          [1, 0],
          [1, 0],
        ].map((unit) => Float64Array.from(unit)),
        [1, 1, 1],
        3,
      ),
    ).toEqual([1, 0, 2]);
  });
});
