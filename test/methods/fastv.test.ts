import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { fastv } from "../../src/methods/fastv.ts";
import { cutOf, paidBy, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("FastV", () => {
  const sequence = sequenceOf(1, 5, 2);
  const tokens = Array.from({ length: 8 }, () => [1]);

  it("keeps what the last prompt token attended to most in the layer before, in raster order", () => {
    const attention = paidBy(7, [9, 0.1, 0.3, 0.05, 0.3, 0.2, 9, 9]);
    expect(cutOf(fastv({ keep: 3 }), 2, { sequence, tokens, attention }).keep).toEqual([1, 3, 4]);
    // Of equal scores the lower index stays.
    expect(cutOf(fastv({ keep: 1 }), 2, { sequence, tokens, attention }).keep).toEqual([1]);
  });

  it("uses the attention of the last prompt token only", () => {
    const attention = paidBy(6, [0, 9, 8, 7, 6, 5, 0, 0]).map((row, query) =>
      query === 7 ? [0, 0, 0, 0, 0, 1, 0, 0] : row,
    );
    expect(cutOf(fastv({ keep: 1, layer: 3 }), 3, { sequence, tokens, attention }).keep).toEqual([4]);
  });

  it("cuts before layer 2, keeps ids, which other policies give anew, and needs a layer before the cut", () => {
    expect([...fastv({ keep: 1 }).cuts.keys()]).toEqual([2]);
    expect(fastv({ keep: 1 })).toMatchObject({ positions: "original", idsAfterCut: "anew" });
    expect(() => fastv({ keep: 1, layer: 0 })).toThrow(/no layer before it/);
  });
});
