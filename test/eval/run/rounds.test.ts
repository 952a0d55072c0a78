import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../../src/eval/run/plan.ts";
import { roundsOf } from "../../../src/eval/run/rounds.ts";
import type { Setting } from "../../../src/eval/run/settings.ts";
import type { Item } from "../../../src/eval/tasks/item.ts";

const batchesOf = (sizes: readonly number[]): Batch[] =>
  sizes.map((size, number) => ({
    number,
    items: Array.from({ length: size }, (_, i) => ({ id: `${number}.${i}`, scene: i >> 1 }) as unknown as Item),
  }));
const SETTINGS = ["none", "nuwa"].map((method) => ({ method }) as Setting);
const everything = () => true;

describe("what is answered side by side", () => {
  it("is every new question once, in order, never more than there is memory for", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 20 }), fc.nat(3), (list, most, gap) => {
        const batches = batchesOf(list);
        const isNew = (_: Setting, { id }: Item) => gap === 0 || Number(id.split(".")[1]) % 4 !== gap;
        const rounds = roundsOf(batches, SETTINGS, 7, most, isNew);
        const asked = rounds.flat().flatMap(({ items, setting }) => items.map(({ id }) => `${setting.method} ${id}`));
        const wanted = batches.flatMap(({ items }) =>
          SETTINGS.flatMap((setting) => {
            const fresh = items.filter((item) => isNew(setting, item));
            // A batch that fits is answered as a whole.
            const own = items.length <= most && fresh.length > 0 ? items : fresh;
            return own.map(({ id }) => `${setting.method} ${id}`);
          }),
        );
        expect(asked).toEqual(wanted);
        for (const [i, jobs] of rounds.entries()) {
          const count = jobs.reduce((sum, { items }) => sum + items.length, 0);
          expect(count).toBeGreaterThan(0);
          expect(count).toBeLessThanOrEqual(most);
          // The next would not have fitted.
          if (rounds[i + 1]) expect(count + rounds[i + 1][0].items.length).toBeGreaterThan(most);
        }
      }),
      { seed: 1 },
    );
  });

  it("is one whole batch where the model is held", () => {
    const rounds = roundsOf(batchesOf([3, 13]), SETTINGS, 7, undefined, everything);
    expect(rounds.map((jobs) => jobs.map(({ items, draw }) => [items.length, draw]))).toEqual([
      [[3, 7]],
      [[3, 7]],
      [[13, 8]],
      [[13, 8]],
    ]);
  });

  it("draws anew for each picture of a batch that is too large, and the same for all questions about one", () => {
    const draws = roundsOf(batchesOf([1, 5]), SETTINGS.slice(0, 1), 7, 2, everything)
      .flat()
      .map(({ draw }) => draw);
    expect(draws.slice(0, 3)).toEqual([7, 8, 8]);
    expect(draws[3]).toBe(draws[4]);
    expect(new Set(draws).size).toBe(4);
  });
});
