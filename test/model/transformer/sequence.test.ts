import { describe, expect, it } from "vitest";
import type { Slot } from "../../../src/core/slots.ts";
import { keepVisual, lastIndex, padded } from "../../../src/model/transformer/sequence.ts";

const text = (id: number): Slot => ({ kind: "text", id, position: [id] });
const visual = (row: number): Slot => ({ kind: "visual", image: 0, row, cell: row, position: [row] });

describe("keeping some visual tokens", () => {
  it("takes ranks, keeps text and order, and pads anew so that no more padding stays than is needed", () => {
    const sequence = padded([
      [text(1), visual(0), visual(1), visual(2), text(2)],
      [visual(0), visual(1), visual(2)],
      [text(9)],
    ]);
    const kept = keepVisual(sequence, [[0, 2], [1, 2], []]);
    expect(kept.sequence).toEqual([
      [text(1), visual(0), visual(2), text(2)],
      [visual(1), visual(2), null, null],
      [text(9), null, null, null],
    ]);
    expect(kept.rows).toEqual([
      [0, 1, 3, 4],
      [1, 2, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(kept.sequence.map(lastIndex)).toEqual([3, 1, 0]);
  });

  it("puts new tokens behind the kept ones, where the image stood when none is kept, and numbers them on", () => {
    const made = (row: number, id: number): Slot => ({ kind: "visual", image: 0, row, cell: -1, position: [id] });
    const fresh = (index: number) => ({ image: 0, index });
    const sequence = padded([
      [text(1), visual(0), visual(1), text(2)],
      [text(1), visual(0), visual(1)],
    ]);
    const kept = keepVisual(sequence, [[1], []], [[fresh(0), fresh(1)], [fresh(0)]], [5, 2]);
    expect(kept.sequence).toEqual([
      [text(1), visual(1), made(5, 1), made(6, 1), text(2)],
      [text(1), made(2, 1), null, null, null],
    ]);
    expect(kept.rows).toEqual([
      [0, 2, 4, 5, 3],
      [0, 4, 0, 0, 0],
    ]);
  });
});
