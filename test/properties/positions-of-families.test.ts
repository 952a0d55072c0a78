import fc from "fast-check";
import { expect } from "vitest";
import type { Position } from "../../src/core/slots.ts";
import { imagePositions, POSITION_POLICIES, type PositionPolicy } from "../../src/methods/nuwa/positions.ts";
import { cellCount, type ImageShape } from "../../src/model/image-shape.ts";
import { tilingOf } from "../../src/model/llava-next/shape.ts";
import { shapeOf } from "../../src/model/qwen2_5-vl/mrope.ts";
import { withSeparators } from "../../src/pipeline/prompts.ts";
import { law } from "./law.ts";

/** Family: position ids of images with newlines (LLaVA-NeXT) and of several axes (Qwen2.5-VL). */

const side = fc.integer({ min: 1, max: 2000 });
/** Any picture in tiles of 4×4 cells. */
const nextShapes = fc.record({ width: side, height: side }).map(
  (size) =>
    tilingOf(size, {
      vision: { imageSize: [56, 56], patchSize: 14 },
      pinpoints: [
        [56, 112],
        [112, 56],
        [112, 112],
        [168, 56],
        [56, 168],
      ],
    }).shape,
);
const qwenShapes = fc
  .record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) })
  .map(shapeOf);

/** An image of either family and some of its cells, after any prefix. */
const cases = fc.oneof(nextShapes, qwenShapes).chain((image) =>
  fc.record({
    image: fc.constant(image),
    start: fc.integer({ min: 0, max: 60 }),
    cells: fc
      .uniqueArray(fc.nat(cellCount(image) - 1), { minLength: 1, maxLength: 40 })
      .map((list) => list.sort((a, b) => a - b)),
    policy: fc.constantFrom(...POSITION_POLICIES),
  }),
);

/** Unpruned offsets of kept cells with the separators between them, in their order. */
function offsetsOf(image: ImageShape, cells: readonly number[]): Position[] {
  const tokens = withSeparators(
    cells.map((cell) => ({ cell })),
    image,
  );
  return tokens.map((token) => ("line" in token ? image.separators[token.line].offset : image.offsets[token.cell]));
}

const idsOf = (policy: PositionPolicy, image: ImageShape, cells: readonly number[], start: number) =>
  imagePositions(policy, offsetsOf(image, cells), start, image);

law(
  "On every axis of every family ids keep the order of the unpruned ones: equal where these are equal, greater where they are greater.",
  cases,
  ({ image, start, cells, policy }) => {
    const offsets = offsetsOf(image, cells);
    const { visual } = idsOf(policy, image, cells, start);
    expect(visual).toHaveLength(offsets.length);
    for (let axis = 0; axis < image.offsets[0].length; axis++) {
      const pairs = offsets.map((offset, i) => [offset[axis], visual[i][axis]]).sort(([a], [b]) => a - b);
      pairs.forEach(([offset, id], i) => {
        expect(id).toBeGreaterThanOrEqual(start);
        if (i === 0) return;
        const [before, idBefore] = pairs[i - 1];
        expect(Math.sign(id - idBefore)).toBe(Math.sign(offset - before));
      });
    }
  },
);
law(
  "With newlines, ids ascend strictly along tokens and newlines, whatever is kept.",
  fc.record({ image: nextShapes, start: fc.nat(60), policy: fc.constantFrom(...POSITION_POLICIES), seed: fc.nat() }),
  ({ image, start, policy, seed }) => {
    const cells = Array.from({ length: cellCount(image) }, (_, cell) => cell).filter(
      (cell) => (cell * 31 + seed) % 5 < 2,
    );
    const ids = idsOf(policy, image, cells, start).visual.map(([id]) => id);
    // Every newline stays, also of rows without a token.
    expect(ids).toHaveLength(cells.length + image.separators.length);
    ids.forEach((id, i) => {
      if (i > 0) expect(id).toBeGreaterThan(ids[i - 1]);
    });
  },
);
law(
  "In every family all policies give the unpruned ids when every token is kept.",
  cases,
  ({ image, start, policy }) => {
    const all = Array.from({ length: cellCount(image) }, (_, cell) => cell);
    const offsets = offsetsOf(image, all);
    expect(idsOf(policy, image, all, start)).toEqual({
      visual: offsets.map((offset) => offset.map((id) => start + id)),
      nextPosition: start + image.length,
    });
  },
);
law(
  "In every family the text goes on behind all ids of the image: where the unpruned image ends or, under compressed ids, with the next one.",
  cases,
  ({ image, start, cells, policy }) => {
    const { visual, nextPosition } = idsOf(policy, image, cells, start);
    const last = Math.max(...visual.flat());
    if (policy === "compressed") expect(nextPosition).toBe(last + 1);
    else expect(nextPosition).toBe(start + image.length);
    expect(nextPosition).toBeGreaterThan(last);
  },
);
law(
  "Compressed ids of several axes have no gaps on any axis: as many ids as rows, and as columns, that hold a token.",
  fc.record({ image: qwenShapes, start: fc.nat(60), seed: fc.nat() }),
  ({ image, start, seed }) => {
    const all = Array.from({ length: cellCount(image) }, (_, cell) => cell);
    const kept = all.filter((cell) => (cell * 31 + seed) % 7 === 0);
    const cells = kept.length > 0 ? kept : [0];
    const { visual } = idsOf("compressed", image, cells, start);
    for (const axis of [0, 1, 2]) {
      const ids = [...new Set(visual.map((position) => position[axis]))].sort((a, b) => a - b);
      const lines = new Set(cells.map((cell) => image.offsets[cell][axis]));
      expect(ids).toEqual(Array.from({ length: lines.size }, (_, rank) => start + rank));
    }
  },
);
