import fc from "fast-check";
import { expect } from "vitest";
import { coverageBounds } from "../../src/analysis/bounds.ts";
import { coverageOf } from "../../src/analysis/coverage.ts";
import { NuwaError } from "../../src/core/errors.ts";
import { patchCount } from "../../src/core/grid.ts";
import { notFinite } from "../../src/laws/generators/scores.ts";
import { selectionCases } from "../../src/laws/generators/selections.ts";
import { alignAnchors } from "../../src/methods/nuwa/alignment.ts";
import { solveBudget } from "../../src/methods/nuwa/budget.ts";
import { imagePositions } from "../../src/methods/nuwa/positions.ts";
import { regionsOf } from "../../src/methods/nuwa/separation.ts";
import { keepBest } from "../../src/methods/nuwa/textguided.ts";
import { rasterShape } from "../../src/model/image-shape.ts";
import { padded } from "../../src/model/transformer/sequence.ts";
import { layoutOf } from "./generators/sequences.ts";
import { law } from "./law.ts";

/** Family: what is refused, and that the refusal names it in one line. */

/** The one line with which something is refused. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(NuwaError);
    expect((error as Error).message).not.toMatch(/\n/);
    return (error as Error).message;
  }
  throw new Error("it was not refused");
}

const notCounts = fc.constantFrom(0, -1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY);

law(
  "A salience that is NaN or infinite is refused, by value and by the first place where it stands.",
  fc.tuple(selectionCases(), notFinite, fc.nat()),
  ([{ grid, scores, keep, regionSize }, bad, at]) => {
    const place = at % patchCount(grid);
    const damaged = scores.map((score, p) => (p === place || (p > place && p % 2 === 0) ? bad : score));
    const line = refusal(() => alignAnchors(damaged, grid, { keep, regionSize }));
    expect(line).toContain(`salience: the score of item ${place} is ${bad}.`);
  },
);
law(
  "A stage-2 score of a visual token that is NaN or infinite is refused; scores of text and padding are not looked at.",
  fc.record({
    before: fc.integer({ min: 0, max: 4 }),
    visual: fc.integer({ min: 1, max: 30 }),
    after: fc.integer({ min: 0, max: 4 }),
    bad: notFinite,
    at: fc.nat(),
  }),
  ({ before, visual, after, bad, at }) => {
    const sequence = padded([layoutOf({ before, visual, after }), layoutOf({ before: before + 3, visual, after })]);
    const width = sequence[0].length;
    const scores = new Float32Array(2 * width).fill(0.5);
    for (const [sample, slots] of sequence.entries())
      for (const [place, slot] of slots.entries()) if (slot?.kind !== "visual") scores[sample * width + place] = bad;
    expect(keepBest(scores, sequence, 1)).toEqual([[0], [0]]);
    scores[before + (at % visual)] = bad;
    expect(refusal(() => keepBest(scores, sequence, 1))).toContain(
      `stage 2: the score of item ${at % visual} is ${bad}.`,
    );
  },
);
law(
  "A budget that is not a whole number in 1..N is refused, and so is a region size that is not a positive one.",
  fc.tuple(selectionCases({ max: 16 }), notCounts, fc.boolean()),
  ([{ grid, scores, keep, regionSize }, bad, beyond]) => {
    const wrong = beyond ? patchCount(grid) + 1 : bad;
    const budget = `cannot keep ${wrong} of ${patchCount(grid)} patches.`;
    expect(refusal(() => alignAnchors(scores, grid, { keep: wrong, regionSize }))).toBe(budget);
    expect(refusal(() => coverageBounds(grid, { keep: wrong, regionSize }))).toBe(budget);
    const region = `region size ${bad} is not a positive integer.`;
    expect(refusal(() => regionsOf(grid, bad))).toBe(region);
    expect(refusal(() => alignAnchors(scores, grid, { keep, regionSize: bad }))).toBe(region);
    expect(refusal(() => coverageOf([0], grid, bad))).toBe(region);
  },
);
law(
  "As many scores as patches, or a refusal that gives both numbers.",
  fc.tuple(selectionCases({ max: 16 }), fc.boolean()),
  ([{ grid, scores, keep, regionSize }, more]) => {
    const wrong = more ? [...scores, 1] : scores.slice(1);
    expect(refusal(() => alignAnchors(wrong, grid, { keep, regionSize }))).toBe(
      `salience has ${wrong.length} scores for ${patchCount(grid)} patches.`,
    );
  },
);
law(
  "Coverage refuses an empty selection, an anchor outside the grid and one that stands twice.",
  fc.tuple(selectionCases({ max: 16 }), fc.constantFrom(-1, 0.5, Number.NaN)),
  ([{ grid, regionSize, pick }, bad]) => {
    const [total, p] = [patchCount(grid), pick % patchCount(grid)];
    expect(refusal(() => coverageOf([], grid, regionSize))).toMatch(/at least one anchor/);
    for (const wrong of [bad, total])
      expect(refusal(() => coverageOf([p, wrong], grid, regionSize))).toContain(
        `anchor ${wrong} is not one of the ${total}`,
      );
    expect(refusal(() => coverageOf([p, p], grid, regionSize))).toContain(`anchor ${p} stands twice`);
  },
);
law(
  "An average above all tokens or below one is refused.",
  fc.tuple(fc.integer({ min: 1, max: 1600 }), fc.double({ min: 1e-6, max: 0.999, noNaN: true })),
  ([total, part]) => {
    expect(refusal(() => solveBudget({ tokens: total + part }, total, 32, 16))).toContain(
      `exceeds the ${total} visual`,
    );
    expect(refusal(() => solveBudget({ tokens: part }, total, 32, 16))).toContain("less than one token");
  },
);
law(
  "A position function that gives another number of ids, or an id that is not a whole number from 0, is refused.",
  fc.tuple(fc.integer({ min: 1, max: 50 }), fc.nat(), fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY)),
  ([count, at, bad]) => {
    const image = rasterShape({ rows: 10, columns: 10 });
    const indices = Array.from({ length: count }, (_, i) => 2 * i);
    const give = (visual: number[]) => () =>
      imagePositions(
        () => ({ visual: visual.map((id) => [id]), nextPosition: 200 }),
        indices.map((id) => [id]),
        3,
        image,
      );
    expect(give(indices)().visual.flat()).toEqual(indices);
    expect(refusal(give(indices.slice(1)))).toContain(`${count - 1} ids for ${count} visual tokens`);
    expect(refusal(give(indices.map((id, i) => (i === at % count ? bad : id))))).toContain("an integer from 0");
  },
);
