import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { publishedPyramid, pyramiddrop } from "../../src/methods/pyramiddrop.ts";
import { cutOf, paidBy, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

describe("PyramidDrop", () => {
  it("scores with the attention of the layer to come, not of the one before", () => {
    const seen = {
      sequence: sequenceOf(1, 4, 1),
      tokens: Array.from({ length: 6 }, () => [1]),
      attention: paidBy(5, [0, 9, 9, 0, 0, 0]),
      ahead: paidBy(5, [0, 1, 0, 3, 2, 0]),
    };
    const method = pyramiddrop({ stages: [{ layer: 1, keep: 2 }] });
    expect(cutOf(method, 1, seen).keep).toEqual([2, 3]);
    expect(method).toMatchObject({ positions: "compressed", idsAfterCut: "anew" });
  });

  it("drops as published: a half, a quarter, an eighth behind the quarters of the decoder", () => {
    const method = pyramiddrop({ stages: publishedPyramid({ total: 576, layers: 32 }) });
    expect([...method.cuts.keys()]).toEqual([8, 16, 24]);
    expect(publishedPyramid({ total: 576, layers: 32 }).map(({ keep }) => keep)).toEqual([288, 144, 72]);
    expect(publishedPyramid({ total: 7, layers: 2 })).toEqual([{ layer: 1, keep: 1 }]);
  });
});
