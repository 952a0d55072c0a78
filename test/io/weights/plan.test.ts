import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerOf, type MemoryBounds, type PlannedWeight, planMemory } from "../../../src/io/weights/plan.ts";

const layer = (stack: string, i: number, size: number): PlannedWeight[] => [
  { name: `${stack}.layers.${i}.norm.weight`, shape: [4], bytes: 8 },
  { name: `${stack}.layers.${i}.proj.weight`, shape: [size, 4], bytes: 8 * size },
];
const TOWER = Array.from({ length: 3 }, (_, i) => layer("vision_tower.encoder", i, 4)).flat();
const DECODER = Array.from({ length: 6 }, (_, i) => layer("language_model.model", i, 16)).flat();
const TABLE: PlannedWeight = { name: "language_model.model.embed_tokens.weight", shape: [100, 4], bytes: 800 };
const HEAD: PlannedWeight = { name: "language_model.lm_head.weight", shape: [100, 4], bytes: 800 };
const ALL = [TABLE, ...DECODER, ...TOWER, HEAD];
const floats = (weights: readonly PlannedWeight[]) =>
  4 * weights.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
const WORKING = 1000;
const WHOLE = WORKING + floats(ALL);
/** The head, two buffers for a layer as it is in its file, and a layer of each stack. */
const LEAST = WORKING + floats([HEAD]) + 2 * 136 + floats(layer("x", 0, 16)) + floats(layer("x", 0, 4));

const plan = (bytes: number, more: Partial<MemoryBounds> & { tied?: boolean } = {}) =>
  planMemory("weights/of-a-test", "cpu", ALL, more.tied ?? false, {
    bytes,
    working: WORKING,
    copies: 1,
    remedy: "Buy more.",
    ...more,
  });

describe("the plan of a model's memory", () => {
  it("holds everything where it fits, to the byte", () => {
    expect(plan(WHOLE)).toEqual({ held: ALL, streamed: [], rows: undefined, bytes: WHOLE, prompts: 1 });
    expect(plan(WHOLE - 1).rows).toBe(TABLE);
  });

  it("takes each weight once, never more than it may, and more of it the more it may take", () => {
    fc.assert(
      fc.property(fc.integer({ min: LEAST + floats([TABLE]), max: WHOLE + 100 }), fc.boolean(), (bytes, tied) => {
        const { held, streamed, rows, ...rest } = plan(bytes, { tied });
        const all = [...held, ...streamed.flatMap(({ weights }) => weights), ...(rows ? [rows] : [])];
        expect(new Set(all)).toEqual(new Set(ALL));
        expect(all).toHaveLength(ALL.length);
        expect(rest.bytes).toBeLessThanOrEqual(bytes);
        expect(floats(held)).toBeLessThanOrEqual(floats(plan(bytes + 50, { tied }).held));
        // A table that is the head, too, is needed whole.
        if (tied) expect(held).toContain(TABLE);
      }),
      { seed: 1 },
    );
  });

  it("leaves the table of embeddings in its file, and holds layers of the tower where no other of the decoder fits", () => {
    for (let bytes = WHOLE - 1; bytes >= LEAST; bytes -= 10) {
      const { rows, held, streamed } = plan(bytes);
      expect(rows).toBe(TABLE);
      const tower = held.filter(({ name }) => name.startsWith("vision_tower"));
      const reads = streamed.some(({ stack }) => stack.startsWith("language_model"));
      if (reads) expect(floats(tower)).toBeLessThan(floats(layer("decoder", 0, 16)));
    }
  });

  it("streams in the order of a pass, layers that are held being spread among the others", () => {
    const { streamed, held } = plan(LEAST + 3 * floats(DECODER.slice(0, 2)));
    expect(streamed.map(({ prefix }) => prefix)).toEqual([
      ...[0, 1, 2].map((i) => `vision_tower.encoder.layers.${i}.`),
      ...[0, 2, 4].map((i) => `language_model.model.layers.${i}.`),
    ]);
    expect(new Set(held.map(({ name }) => layerOf(name)?.layer))).toEqual(new Set([undefined, 1, 3, 5]));
  });

  it("gives memory to prompts that share a reading before it holds a layer, and never more than it has", () => {
    const several = (bytes: number, prompts: number) => plan(bytes, { prompts, each: 100 });
    expect(several(LEAST, 5).prompts).toBe(1);
    expect(several(LEAST + 270, 5)).toMatchObject({ prompts: 3, bytes: LEAST + 200 });
    expect(several(LEAST + 400, 5)).toMatchObject({ prompts: 5, bytes: LEAST + 400 });
    // What they leave goes to layers.
    const size = floats(layer("x", 0, 16));
    const { prompts, held, bytes } = several(LEAST + 400 + size, 5);
    expect({ prompts, bytes }).toEqual({ prompts: 5, bytes: LEAST + 400 + size });
    expect(floats(held)).toBe(floats([HEAD]) + size);
    // Where all weights are held there is nothing to share.
    expect(several(WHOLE, 5).prompts).toBe(1);
  });

  it("refuses what does not fit one layer at a time, in one line with the numbers", () => {
    expect(() => plan(LEAST)).not.toThrow();
    expect(() => plan(LEAST - 1)).toThrow(
      /^weights\/of-a-test: needs about 0\.00 GiB of memory, one layer at a time, but the cpu backend has 0\.00 GiB left\. Buy more\.$/,
    );
    expect(() => plan(-5)).toThrow(/has 0\.00 GiB left/);
  });
});
