import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { useBackend } from "../../src/backend/select.ts";
import { normal, randomFrom } from "../../src/core/random-numbers.ts";
import { dart, definition, takenInTurn } from "../../src/methods/dart.ts";
import { createMethod } from "../../src/methods/registry.ts";
import { configOf } from "../support-methods.ts";
import { cutOf, paidBy, sequenceOf } from "./support.ts";

beforeAll(async () => {
  await useBackend("wasm");
});

/** Random vectors, the same for the same seed. */
function vectors(seed: number, count: number, width: number): number[][] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, () => normal(random)));
}

/** What is kept where `before` tokens stand in front of the image, and what stands behind them is always the same. */
function keptBehind(before: number, { seed, visual, after, perPivot }: Record<string, number>): number[] {
  const [lead, rest] = [vectors(seed + 1, before, 3), vectors(seed, visual + after, 3)];
  const [leadKeys, keys] = [vectors(seed + 2, before, 2), vectors(seed + 3, visual + after, 2)];
  return cutOf(dart({ perPivot }), 2, {
    sequence: sequenceOf(before, visual, after),
    tokens: [...lead, ...rest],
    attention: paidBy(
      0,
      Array.from({ length: before + visual + after }, () => 1),
    ),
    before: { keys: [...leadKeys, ...keys] },
  }).keep;
}

describe("DART", () => {
  /** Keys of the largest L1 norm: visual token 2 and the last text token; the first token is no pivot. */
  const keys = [[9], [1], [1], [-5], [1], [1], [1], [3]];
  const seen = {
    sequence: sequenceOf(1, 5, 2),
    attention: paidBy(
      0,
      keys.map(() => 1),
    ),
    before: { keys },
  };

  it("keeps visual pivots, and what is least like each pivot, one pivot after the other", () => {
    const tokens = [
      [1, 0],
      [1, 0],
      [0.9, 0.1],
      [1, 0.05], // the visual pivot
      [0, 2],
      [-1, 0.2],
      [5, 5],
      [0.2, 1], // the pivot of the text
    ];
    const method = dart({ visualPivots: 1, textPivots: 1, perPivot: 1 });
    // The visual pivot takes token 4; then the text takes token 0, which is least like it.
    expect(cutOf(method, 2, { ...seen, tokens }).keep).toEqual([0, 2, 4]);
    // Two each: 4 and 3, then 0 and 1.
    expect(cutOf(dart({ visualPivots: 1, textPivots: 1, perPivot: 2 }), 2, { ...seen, tokens }).keep).toEqual([
      0, 1, 2, 3, 4,
    ]);
  });

  it("lets pivots choose in the order in which they stand, not by the size of their keys", () => {
    const tokens = [
      [1, 0],
      [-1, -1],
      [-0.5, 0.8],
      [0, 1],
      [0.8, -0.5],
      [1, 1],
    ];
    const sizes = [[5], [1], [1], [9], [1], [1]];
    const sequence = sequenceOf(0, 5, 1);
    const attention = paidBy(5, [1, 1, 1, 1, 1, 1]);
    const method = dart({ visualPivots: 2, textPivots: 0, perPivot: 1 });
    // Token 1 is least like both. The first takes it, and the other one token 4; the other way round it were token 2.
    expect(cutOf(method, 2, { sequence, tokens, attention, before: { keys: sizes } }).keep).toEqual([0, 1, 3, 4]);
  });

  it("takes the lower index of equals, and never more than there are", () => {
    expect(takenInTurn([[0, 0, 0, 0]], [0, 1, 2, 3], [1], 2)).toEqual([1, 0, 2]);
    expect(
      takenInTurn(
        [
          [1, 2, 3],
          [3, 2, 1],
        ],
        [0, 1, 2],
        [],
        20,
      ).sort(),
    ).toEqual([0, 1, 2]);
  });

  it("keeps the same however long the text before the image is: pivots choose in their own order", () => {
    const cases = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      visual: fc.integer({ min: 12, max: 40 }),
      after: fc.integer({ min: 4, max: 12 }),
      perPivot: fc.integer({ min: 1, max: 3 }),
      before: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(cases, ({ before, ...input }) => {
        expect(keptBehind(before, input)).toEqual(keptBehind(0, input));
      }),
      { numRuns: 50 },
    );
  });

  it("keeps as many where fewer than four tokens of text follow the image", () => {
    const cases = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      visual: fc.integer({ min: 30, max: 40 }),
      after: fc.integer({ min: 0, max: 5 }),
      perPivot: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(cases, (input) => {
        expect(keptBehind(2, input)).toHaveLength(4 + 8 * input.perPivot);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps 132 of 576 as published, 28 and 100 for averages of 64 and 128, in 32 layers", () => {
    const size = { ...configOf(24, 32).facts, family: "llava", grids: [], tiles: [], total: 576 };
    const kept = ({ visualPivots = 4, perPivot }: ReturnType<typeof definition.budget>) => visualPivots + 8 * perPivot;
    expect([64, 128].map((tokens) => kept(definition.budget({ tokens }, size)))).toEqual([28, 100]);
    const tokens = Array.from({ length: 576 + 4 }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
    const published = createMethod("dart", configOf(24, 32), {});
    const attention = paidBy(
      0,
      tokens.map(() => 1),
    );
    expect(cutOf(published, 2, { sequence: sequenceOf(0, 576, 4), tokens, attention }).keep).toHaveLength(132);
  });

  it("cuts before layer 2, before layer 1 in shallow decoders, and needs a layer before the cut", () => {
    expect([8, 32].map((layers) => [...createMethod("dart", configOf(24, layers)).cuts.keys()])).toEqual([[1], [2]]);
    expect(dart({ perPivot: 1 })).toMatchObject({ positions: "original", idsAfterCut: "anew" });
    expect(() => dart({ perPivot: 1, layer: 0 })).toThrow(/no layer before it/);
  });
});
