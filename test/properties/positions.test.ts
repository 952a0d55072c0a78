import fc from "fast-check";
import { expect } from "vitest";
import { imagePositions, POSITION_POLICIES } from "../../src/methods/nuwa/positions.ts";
import { rasterShape } from "../../src/model/image-shape.ts";
import { law } from "./law.ts";

/** Family: the position ids that kept visual tokens get. */

/** Any kept cells of an image of up to 1600 patches, after any prefix. */
const cases = fc.integer({ min: 1, max: 1600 }).chain((total) =>
  fc.record({
    total: fc.constant(total),
    image: fc.constant(rasterShape({ rows: 1, columns: total })),
    start: fc.integer({ min: 0, max: 60 }),
    indices: fc
      .uniqueArray(fc.nat(total - 1), { minLength: 1, maxLength: 80 })
      .map((list) => list.sort((a, b) => a - b)),
    policy: fc.constantFrom(...POSITION_POLICIES),
  }),
);

law(
  "Position ids ascend strictly, one for each kept token, from no earlier than the image's start to before the text goes on.",
  cases,
  ({ image, start, indices, policy }) => {
    const { visual: positions, nextPosition } = imagePositions(
      policy,
      indices.map((cell) => [cell]),
      start,
      image,
    );
    const visual = positions.flat();
    expect(visual).toHaveLength(indices.length);
    visual.forEach((id, i) => {
      expect(Number.isInteger(id)).toBe(true);
      expect(id).toBeGreaterThan(i === 0 ? start - 1 : visual[i - 1]);
      expect(id).toBeLessThan(nextPosition);
    });
  },
);
law(
  "Original ids (PESP) are those of the unpruned cells, and the text keeps its offset.",
  cases,
  ({ total, image, start, indices }) => {
    expect(
      imagePositions(
        "original",
        indices.map((cell) => [cell]),
        start,
        image,
      ),
    ).toEqual({
      visual: indices.map((cell) => [start + cell]),
      nextPosition: start + total,
    });
  },
);
law("Compressed ids (PERC) have no gaps, and the text follows without one.", cases, ({ image, start, indices }) => {
  const { visual, nextPosition } = imagePositions(
    "compressed",
    indices.map((cell) => [cell]),
    start,
    image,
  );
  expect([...visual.flat(), nextPosition]).toEqual(Array.from({ length: indices.length + 1 }, (_, i) => start + i));
});
law(
  "Stretched ids (RPME) start at s, end at e = s + N − 1 when more than one token is kept, and the text keeps its offset.",
  cases,
  ({ total, image, start, indices }) => {
    const { visual, nextPosition } = imagePositions(
      "rpme",
      indices.map((cell) => [cell]),
      start,
      image,
    );
    expect(visual[0]).toEqual([start]);
    if (indices.length > 1) expect(visual[visual.length - 1]).toEqual([start + total - 1]);
    expect(nextPosition).toBe(start + total);
  },
);
law(
  "Stretched ids (RPME) lie less than one above the straight line through 0 and the last kept cell.",
  cases,
  ({ total, image, start, indices }) => {
    const last = indices[indices.length - 1];
    imagePositions(
      "rpme",
      indices.map((cell) => [cell]),
      start,
      image,
    )
      .visual.slice(1)
      .forEach(([id], i) => {
        // In whole numbers: 0 ≤ (id − s)·last − cell·(N−1) < last.
        const above = (id - start) * last - indices[i + 1] * (total - 1);
        expect(above >= 0 && above < last).toBe(true);
      });
  },
);
law("All policies agree when every token is kept.", cases, ({ total, image, start, policy }) => {
  const all = Array.from({ length: total }, (_, cell) => cell);
  expect(
    imagePositions(
      policy,
      all.map((cell) => [cell]),
      start,
      image,
    ),
  ).toEqual(
    imagePositions(
      "original",
      all.map((cell) => [cell]),
      start,
      image,
    ),
  );
});
